"""The documents about files keep to their published shapes."""

import pytest
from pydantic import TypeAdapter

from advisor.errors import UnknownName
from advisor.hub.download import download
from advisor.hub.plan import Wanted, plan_download
from advisor.report.download import download_document, list_document, plan_document
from advisor.report.file_documents import FILE_DOCUMENTS
from advisor.report.inspect import inspection_document
from advisor.report.schemas import document_schema
from advisor.verbs.inspect import InspectRequest, inspect_target


def check(document):
    """Valid, complete, and without a key that the type does not know."""
    kind = FILE_DOCUMENTS[document["schema"].split(".")[1].split("/")[0]]
    TypeAdapter(kind).validate_python(document, strict=True)
    assert set(document) == set(kind.__annotations__)
    for entry in document.get("files", []):
        assert set(entry) <= set(kind.__annotations__["files"].__args__[0].__annotations__)


def nobody(text):
    raise UnknownName(text)


def test_every_document_has_its_shape(hub, published, store, patience):
    plan = plan_download(Wanted(model="m", repo="org/model-GGUF"), store, patience=patience)
    check(plan_document(plan))
    done = download(plan, store, patience=patience)
    check(download_document(done))
    check(list_document(store.read_manifests()))
    check(inspection_document(inspect_target(InspectRequest(target=str(done.path)), nobody)))


@pytest.mark.parametrize("name", FILE_DOCUMENTS)
def test_every_shape_is_published(name):
    assert document_schema(name)["$id"] == f"advisor.{name}/1"
