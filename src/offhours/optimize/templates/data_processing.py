"""Read rows from JSON or CSV, choose and rename among them, and write them as JSON or CSV."""

from __future__ import annotations

import csv
import json
from typing import Any


def data_processing(params: dict[str, Any]) -> dict[str, Any]:
    """input: a file, or `data`: rows as they are; output: a file, without which rows are answered.

    where: column to value, rows that have them all stay; select: the columns that stay, in order;
    rename: old name to new name; sort_by: a column. The formats go by the files' endings.
    """
    try:
        rows = _read_rows(params)
        for column, value in (params.get("where") or {}).items():
            rows = [row for row in rows if _same(row.get(column), value)]
        if params.get("sort_by"):
            rows.sort(key=lambda row: str(row.get(params["sort_by"], "")))
        select = params.get("select")
        if select:
            rows = [{column: row[column] for column in select} for row in rows]
        rename = params.get("rename") or {}
        rows = [{rename.get(key, key): value for key, value in row.items()} for row in rows]
        if not params.get("output"):
            return {"success": True, "count": len(rows), "rows": rows}
        _write_rows(params["output"], rows)
        return {"success": True, "count": len(rows), "output": params["output"]}
    except KeyError as error:
        return {"success": False, "error": f"no column {error}"}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return {"success": False, "error": f"{type(error).__name__}: {error}"}


def _same(found: Any, wanted: Any) -> bool:
    return bool(found == wanted) or str(found) == str(wanted)


def _read_rows(params: dict[str, Any]) -> list[dict[str, Any]]:
    if "data" in params:
        rows = params["data"]
    else:
        with open(params["input"], encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file)) if _is_csv(params["input"]) else json.load(file)
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("expected rows: a list of objects")
    return rows


def _write_rows(path: str, rows: list[dict[str, Any]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        if not _is_csv(path):
            json.dump(rows, file, indent=2, ensure_ascii=False)
            return
        columns = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _is_csv(path: str) -> bool:
    return path.lower().endswith(".csv")
