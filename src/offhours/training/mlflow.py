"""MLflow's registry as a sink: promoted versions are there, too, under the alias `champion`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from offhours.core.errors import NotInstalled
from offhours.core.training import CHAMPION, Model, Version

_FILE = "artefact.bin"


class MlflowSink:
    """Registers each promoted version at MLflow, with its metrics and metadata.

    What decides stays here: MLflow is told after a version serves, and when it cannot be reached
    that is logged.

    tracking_uri: where MLflow is; by default where `MLFLOW_TRACKING_URI` says
    experiment: that the runs belong to
    client: an `mlflow.MlflowClient`; made when it is needed

    Raises `NotInstalled` when MLflow is not installed.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        experiment: str = "offhours",
        *,
        client: Any = None,
    ) -> None:
        self._client = client or _client(tracking_uri)
        self._experiment = experiment

    def publish(self, model: Model, version: Version, body: bytes) -> None:
        """Tell MLflow of a version that serves now. Its model's name is `tenant.model` there."""
        client, name = self._client, f"{model.tenant}.{model.name}"
        tags = {"offhours.version": str(version.number), "offhours.digest": version.digest}
        run = client.create_run(
            self._experiment_id(), run_name=f"{name} {version.number}", tags=tags
        )
        for metric, value in json.loads(version.metrics).items():
            client.log_metric(run.info.run_id, metric, value)
        for key, value in json.loads(version.metadata).items():
            client.set_tag(run.info.run_id, f"offhours.{key}", str(value))
        with tempfile.TemporaryDirectory(prefix="offhours-mlflow-") as folder:
            file = Path(folder, _FILE)
            file.write_bytes(body)
            client.log_artifact(run.info.run_id, str(file))
        client.set_terminated(run.info.run_id)
        if not client.search_registered_models(f"name = '{_quoted(name)}'"):
            client.create_registered_model(name)
        made = client.create_model_version(
            name, f"{run.info.artifact_uri}/{_FILE}", run.info.run_id, tags=tags
        )
        client.set_registered_model_alias(name, CHAMPION, made.version)

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(self._experiment))

    def __repr__(self) -> str:
        return f"<MLflow, experiment {self._experiment}>"


def _client(tracking_uri: str | None) -> Any:
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise NotInstalled("MLflow", "mlflow") from error
    return MlflowClient(tracking_uri)


def _quoted(name: str) -> str:
    return name.replace("'", "\\'")
