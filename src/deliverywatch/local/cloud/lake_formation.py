"""Lake Formation, as far as a deployment meets it: its settings and grants, and who may make a database.

A new account has it open: IAM alone decides. Once an administrator closes it, CloudFormation is refused in Glue's words
(github.com/aws-solutions/workload-discovery-on-aws/issues/228).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.emulator import ACCOUNT

_EVERYBODY = "IAM_ALLOWED_PRINCIPALS"
_DATABASE = "AWS::Glue::Database"
# What the emulator's own credentials are.
_CALLER = f"arn:aws:iam::{ACCOUNT}:root"


def _permission(principal: str, *permissions: str) -> dict[str, Any]:
    return {"Principal": {"DataLakePrincipalIdentifier": principal}, "Permissions": list(permissions)}


class LakeFormation:
    """Settings and grants of the account."""

    def __init__(self) -> None:
        everybody = [_permission(_EVERYBODY, "ALL")]
        self._settings: dict[str, Any] = {
            "DataLakeAdmins": [],
            "CreateDatabaseDefaultPermissions": everybody,
            "CreateTableDefaultPermissions": everybody,
        }
        self._grants = [{**_permission(_EVERYBODY, "CREATE_DATABASE"), "Resource": {"Catalog": {}}}]

    def install(self, placed: hooks.Hooks) -> None:
        """Answer for the service, and guard the making of databases."""
        placed.register(hooks.inside("app", "SERVICE_HANDLERS"), "lakeformation", self._answer)
        provisioners = hooks.inside("services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
        entry = provisioners[_DATABASE]
        placed.register(provisioners, _DATABASE, {**entry, "create": self._guarded(entry["create"])})

    async def _answer(self, _method: str, path: str, _headers: Any, body: bytes, _query: Any) -> tuple[int, Any, bytes]:
        request = json.loads(body or b"{}")
        operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "/GetDataLakeSettings": lambda _: {"DataLakeSettings": self._settings},
            "/PutDataLakeSettings": self._put_settings,
            "/ListPermissions": lambda _: {"PrincipalResourcePermissions": self._grants},
            "/GrantPermissions": self._grant,
            "/RevokePermissions": self._revoke,
        }
        if path not in operations:
            return 400, {"Content-Type": "application/json"}, b'{"__type": "UnknownOperationException"}'
        return 200, {"Content-Type": "application/json"}, json.dumps(operations[path](request)).encode()

    def _put_settings(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._settings = dict(request["DataLakeSettings"])
        return {}

    def _grant(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._grants.append({name: request[name] for name in ("Principal", "Permissions", "Resource")})
        return {}

    def _revoke(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._grants = [grant for grant in self._grants if grant["Principal"] != request["Principal"]]
        return {}

    def _guarded(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def create(*arguments: Any) -> Any:
            if not self._may_create():
                raise ValueError("Insufficient Lake Formation permission(s): Required Create Database on Catalog")
            return original(*arguments)

        return create

    def _may_create(self) -> bool:
        grants = [grant for grant in self._grants if "CREATE_DATABASE" in grant["Permissions"]]
        creators = {grant["Principal"]["DataLakePrincipalIdentifier"] for grant in grants}
        administrators = {one["DataLakePrincipalIdentifier"] for one in self._settings.get("DataLakeAdmins", ())}
        return bool({_EVERYBODY, _CALLER} & (creators | administrators))
