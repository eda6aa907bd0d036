"""Tags on a version of a registered model, so that MLflow's registry shows the verdict."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from typing import Any, Protocol

from sparkdrift.spec.hooks import MlflowTags
from sparkdrift.triggers.webhook import Delivered


class Client(Protocol):
    """What of `mlflow.MlflowClient` is used."""

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> object: ...


def tag(
    hook: MlflowTags, version: str | None, tags: Mapping[str, str], client: Client | None = None
) -> Delivered:
    """Set `tags` on the version of the hook, else on `version`; never raises for what MLflow does.

    client: default, MLflow's own, imported only now.
    """
    wanted = hook.version or version
    if wanted is None:
        return Delivered("failed", "which version is to be tagged is not said")
    try:
        with warnings.catch_warnings():
            # What MLflow has to say about its own future is no finding about the model.
            warnings.simplefilter("ignore")
            made = client or _client(hook)
            for key, value in tags.items():
                made.set_model_version_tag(hook.name, wanted, key, value)
    except ImportError:
        return Delivered("failed", "mlflow is not installed: pip install 'sparkdrift[mlflow]'")
    except Exception as error:
        # Its messages hold URIs, and these may hold credentials.
        return Delivered(
            "failed", f"MLflow refused tags on {hook.name} version {wanted}: {_kind(error)}"
        )
    return Delivered("sent", f"{len(tags)} tags on {hook.name} version {wanted}")


def _client(hook: MlflowTags) -> Client:
    mlflow: Any = importlib.import_module("mlflow")
    uri = hook.registry_uri
    # A client opens its tracking store too, which by default is a folder that newer versions
    # refuse. Where runs are tracked on Databricks is not where its models are registered.
    tracking = None if uri is None or uri.startswith("databricks") else uri
    client: Client = mlflow.MlflowClient(tracking_uri=tracking, registry_uri=uri)
    return client


def _kind(error: Exception) -> str:
    code = getattr(error, "error_code", None)
    return f"{type(error).__name__} {code}" if isinstance(code, str) else type(error).__name__
