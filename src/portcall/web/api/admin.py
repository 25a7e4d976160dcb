"""What administrators write: forms, bookmarks, functions, chains, profiles, static data; one shape of route for all."""

# Annotations are evaluated here: FastAPI takes the bodies' models from them, and those are made in a function.

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from portcall.cluster.collection import Collection, Kept
from portcall.errors import InvalidValue
from portcall.model import codec
from portcall.model.administered import Chain, FunctionDocument, StaticData
from portcall.model.form import Bookmark, Form
from portcall.model.profile import Profile
from portcall.model.user import Login
from portcall.start import forms, uses
from portcall.web import shapes
from portcall.web.caller import address
from portcall.web.who import may, services

router = APIRouter(tags=["administration"])


class VersionShape(BaseModel):
    at: float
    by: str
    document: dict[str, Any] | None


class VersionsShape(BaseModel):
    versions: list[VersionShape]


class PreviewBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    html: str
    name: str = "Preview"


class PreviewShape(BaseModel):
    form: dict[str, Any]


class DefaultFormsShape(BaseModel):
    model_config = ConfigDict(extra="forbid")
    forms: list[str]


def _routes(bucket: str, cls: type, key: str, action: str, title: str, listed: bool = True) -> None:
    """GET, PUT, DELETE and the versions of one kind of document."""
    shape = shapes.shape(cls, strict=True)
    body = shapes.shape(cls, strict=True, without=(key,), forbid=True)
    full = shapes.kept(shape)
    many = shapes.listing(bucket, full)

    if listed:

        @router.get(f"/{bucket}", response_model=many, name=f"list {title}s")
        async def list_all(request: Request, login: Login = may(action)) -> Response:
            found = _collection(request, bucket).all().values()
            return JSONResponse({bucket: [document(item) for item in found]})

    @router.get(f"/{bucket}/{{document_id}}", response_model=full, name=f"one {title}")
    async def get(request: Request, document_id: str, login: Login = may(action)) -> Response:
        return JSONResponse(document(_collection(request, bucket).get(document_id)))

    @router.put(f"/{bucket}/{{document_id}}", response_model=full, name=f"write a {title}")
    async def put(
        request: Request, document_id: str, body: body, login: Login = may(action),  # type: ignore[valid-type]
        revision: Annotated[int | None, Query(ge=0)] = None, force: bool = False,
    ) -> Response:  # fmt: skip
        """``revision`` (0: new) refuses to overwrite what somebody else changed meanwhile; ``force`` takes it from
        what uses it, too."""
        given = body.model_dump(exclude_unset=True)  # type: ignore[attr-defined]
        value: Any = codec.from_document(cls, {**given, key: document_id})
        here = services(request)
        await here.documents.check(bucket, value)
        if not force:
            _still_of_use(here.documents, value)
        kept = await _collection(request, bucket).put(document_id, value, login.sub, revision)
        _audit(request, login, action, f"{title} {document_id} written")
        return JSONResponse(document(kept))

    @router.delete(f"/{bucket}/{{document_id}}", status_code=204, name=f"delete a {title}")
    async def delete(
        request: Request, document_id: str, login: Login = may(action), force: bool = False
    ) -> Response:  # fmt: skip
        """Its versions stay: write one of them to have it back. What is in use goes by ``force`` only."""
        if not force:
            _not_in_use(services(request), _collection(request, bucket).get(document_id))
        await _collection(request, bucket).delete(document_id, login.sub)
        _audit(request, login, action, f"{title} {document_id} deleted")
        return Response(status_code=204)

    @router.get(f"/{bucket}/{{document_id}}/versions", response_model=VersionsShape, name=f"versions of a {title}")
    async def versions(request: Request, document_id: str, login: Login = may(action)) -> Response:
        return JSONResponse({"versions": await _collection(request, bucket).versions(document_id)})


@router.post("/forms/preview", response_model=PreviewShape)
async def preview(request: Request, body: PreviewBody, login: Login = may("admin/forms")) -> Response:
    """The form as people will see it, made safe, with its inputs."""
    return JSONResponse({"form": forms.document(Form("preview", body.name, body.html))})


@router.get("/default-forms", response_model=DefaultFormsShape)
async def default_forms(request: Request, login: Login = may("admin/forms")) -> Response:
    """The forms asked for commands that are no bookmark's, in their order."""
    return JSONResponse({"forms": list(services(request).config["default_forms"])})


@router.put("/default-forms", response_model=DefaultFormsShape)
async def set_default_forms(request: Request, body: DefaultFormsShape, login: Login = may("admin/forms")) -> Response:
    here = services(request)
    for form_id in body.forms:
        if here.documents.forms.find(form_id) is None:
            raise InvalidValue(f"there is no form {form_id!r}", field="forms")
    await here.settings.change("default_forms", body.forms)
    _audit(request, login, "admin/forms", f"default forms: {', '.join(body.forms)}")
    return JSONResponse({"forms": body.forms})


def document(kept: Kept[Any]) -> dict[str, Any]:
    return {**codec.to_document(kept.value), "revision": kept.revision, "fixed": kept.fixed}


def _collection(request: Request, bucket: str) -> Collection[Any]:
    found: Collection[Any] = services(request).documents.collections[bucket]
    return found


def _not_in_use(here: Any, kept: Kept[Any]) -> None:
    """InUse names what uses this form or function; one of a file cannot be deleted anyway."""
    value = kept.value
    if kept.fixed is None and isinstance(value, Form):
        uses.refuse("form", value.name, uses.of_form(here.documents, here.config["default_forms"], value.id))
    elif kept.fixed is None and isinstance(value, FunctionDocument):
        uses.refuse("function", value.name, uses.of_function(here.documents, value))


def _still_of_use(documents: Any, value: Any) -> None:
    """InUse where a step of a chain would be switched off, or be of another kind."""
    before = documents.functions.all().get(value.id) if isinstance(value, FunctionDocument) else None
    if before is None or before.fixed is not None or not before.value.enabled:
        return
    if not value.enabled or value.kind != before.value.kind:
        uses.refuse("function", before.value.name, uses.of_step(documents, value.id))


def _audit(request: Request, login: Login, action: str, detail: str) -> None:
    services(request).audit.write(login.sub, action, "ok", address=address(request), detail=detail)


_routes("forms", Form, "id", "admin/forms", "form")
_routes("bookmarks", Bookmark, "id", "admin/bookmarks", "bookmark", listed=False)
_routes("functions", FunctionDocument, "id", "admin/functions", "function")
_routes("chains", Chain, "id", "admin/functions", "chain")
_routes("profiles", Profile, "name", "admin/profiles", "profile", listed=False)
_routes("static-data", StaticData, "id", "admin/static-data", "static data")
