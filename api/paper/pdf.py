"""Sets a paper as PDF: the same view makes the same bytes, on any machine."""

import json
from importlib.resources import as_file, files
from typing import Any, Final, Literal

import typst

Template = Literal["document", "packing_slip"]
# Archives want it, and a hybrid invoice has to be it; it is refused for letters no font has.
_ARCHIVE: Final = "a-3b"


def set_pdf(template: Template, view: dict[str, Any], attachment: bytes | None = None) -> bytes:
    """Set a view. The fonts are those of the typesetter: Latin, Greek and Cyrillic letters.

    Others are shown as boxes, and such a paper is no PDF/A. `attachment` is the structured invoice.
    """
    inputs = {"view": json.dumps(view, ensure_ascii=False)}
    if attachment is not None:
        inputs["attachment"] = attachment.decode()
    try:
        return _set(template, inputs, _ARCHIVE)
    except typst.TypstError:
        return _set(template, inputs, "1.7")


def _set(template: Template, inputs: dict[str, str], standard: Any) -> bytes:
    with as_file(files("api.paper")) as folder:
        made = typst.compile(
            folder / f"{template}.typ",
            root=folder,
            ignore_system_fonts=True,
            sys_inputs=inputs,
            pdf_standards=standard,
            timestamp=0,
        )
    assert isinstance(made, bytes)
    return made
