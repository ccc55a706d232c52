"""Call an address over HTTP, again when that may help."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from typing import Any


def api_call(params: dict[str, Any]) -> dict[str, Any]:
    """url (http or https), method, headers, body (text or JSON); timeout: seconds a try.

    retries: tries after the first (3), for what may pass: no answer, 429, 5xx; backoff: seconds
    before the first of them (0.5), doubled each time. output: a file for the answer.
    """
    url = params.get("url")
    if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
        return {"success": False, "error": f"url: expected http or https, got {url!r}"}
    body = params.get("body")
    headers = dict(params.get("headers") or {})
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    data = None if body is None else body.encode()
    pause = float(params.get("backoff", 0.5))
    tries = 1 + int(params.get("retries", 3))
    answer: dict[str, Any] = {}
    for attempt in range(1, tries + 1):
        answer, again = _try_once(url, data, headers, params)
        answer["attempts"] = attempt
        if not again or attempt == tries:
            break
        time.sleep(pause)
        pause *= 2
    return answer


def _try_once(
    url: str, data: bytes | None, headers: dict[str, str], params: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """What came of a try, and whether another may do better."""
    method = params.get("method") or ("GET" if data is None else "POST")
    try:
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=float(params.get("timeout", 10))) as reply:
            content = reply.read()
            status = reply.status
    except urllib.error.HTTPError as error:
        again = error.code == 429 or error.code >= 500
        return {"success": False, "status": error.code, "error": str(error)}, again
    except ValueError as error:
        return {"success": False, "error": str(error)}, False
    except (OSError, http.client.HTTPException) as error:
        return {"success": False, "error": str(error)}, True
    if params.get("output"):
        with open(params["output"], "wb") as file:
            file.write(content)
        return {"success": True, "status": status, "output": params["output"]}, False
    return {"success": True, "status": status, "body": content.decode("utf-8", "replace")}, False
