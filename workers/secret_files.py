"""Reads secrets from files: OMS_STRIPE_KEY_FILE names the file that holds OMS_STRIPE_KEY."""

from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from workers.errors import UserError

SUFFIX = "_FILE"


def secret_fields(settings: type[BaseSettings]) -> list[str]:
    """The fields that hold secrets, by their type."""
    return [name for name, info in settings.model_fields.items() if _is_secret(info.annotation)]


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))


class SecretFiles(PydanticBaseSettingsSource):
    """A source for the secrets among the settings; `env` has the variables."""

    def __init__(self, settings_cls: type[BaseSettings], env: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        assert isinstance(env, EnvSettingsSource)
        # Their names are in lower case there.
        self._variables = env.env_vars
        self._prefix = env.env_prefix

    def __call__(self) -> dict[str, Any]:
        """Raises: UserError naming the variable whose file cannot be used."""
        named = {name: self._file_of(name) for name in secret_fields(self.settings_cls)}
        return {name: self._read(name, file) for name, file in named.items() if file}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # only sources that go field by field are asked

    def _file_of(self, name: str) -> str | None:
        return self._variables.get(f"{self._prefix}{name}{SUFFIX}".lower())

    def _read(self, name: str, file: str) -> str:
        variable = f"{self._prefix}{name}".upper()
        if self._variables.get(variable.lower()):
            raise UserError(f"settings: {variable} and {variable}{SUFFIX} are both set")
        try:
            text = Path(file).read_text().strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise UserError(f"settings: {variable}{SUFFIX}: {file}: {why}") from None
        if not text:
            raise UserError(f"settings: {variable}{SUFFIX}: {file} is empty")
        return text
