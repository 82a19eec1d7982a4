"""From the text of a catalog document to the compiled catalog, or to everything that is wrong with it."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from repit_server.catalog.advice import advise
from repit_server.catalog.campaigns import campaign_to_dict
from repit_server.catalog.checks import API_CAMPAIGNS, repeated_names, survey, taken_names
from repit_server.catalog.coherence import incoherent
from repit_server.catalog.compile import compile_document
from repit_server.catalog.document import Node, read_document
from repit_server.catalog.findings import CatalogError, Finding, in_order
from repit_server.catalog.model import ApiCampaign, Document
from repit_server.catalog.problems import Reporter
from repit_server.catalog.values import Surroundings


@dataclass(frozen=True, slots=True)
class CompiledCatalog:
    """A catalog that can be applied.

    `compiled` is the JSON of docs/reference/compiled-catalog.md in UTF-8; `findings` are the warnings, in the order of
    the document.
    """

    document: Document
    api_campaigns: tuple[ApiCampaign, ...]
    compiled: bytes
    findings: tuple[Finding, ...]


def compile_catalog(
    text: str, api_campaigns: Sequence[ApiCampaign] = (), adopted_families: Collection[str] = ()
) -> CompiledCatalog:
    """Read, check and compile a catalog document, YAML or JSON, with the campaigns registered over the API.

    `adopted_families` are offer families beside those of the document, for campaigns adopted from an event file.
    Raises `CatalogError` with all findings, warnings excepted, where the catalog cannot be applied.
    """
    root, found = read_document(text)
    written = root.plain()
    surroundings = survey(written, api_campaigns, adopted_families)
    document, errors = _checked(written, surroundings, root)
    found += errors
    found += repeated_names(root)
    found += taken_names(root, api_campaigns)
    found += _checked_api_campaigns(api_campaigns, surroundings)
    if document is not None:
        found += incoherent(document, api_campaigns, root)
    if document is None or found:
        raise CatalogError(found)
    compiled = compile_document(document, api_campaigns, adopted_families)
    warnings = in_order(advise(document, api_campaigns, root))
    return CompiledCatalog(document, tuple(api_campaigns), compiled, warnings)


def etag(version: int, content: bytes) -> str:
    """Name one version of a catalog with its content: 32 hexadecimal digits that change with either."""
    return hashlib.sha256(b"%d\0" % version + content).hexdigest()[:32]


def _checked(written: object, surroundings: Surroundings, root: Node) -> tuple[Document | None, list[Finding]]:
    try:
        return Document.model_validate(written, context=surroundings), []
    except ValidationError as error:
        return None, list(Reporter(surroundings).findings(error, root))


def _checked_api_campaigns(api_campaigns: Sequence[ApiCampaign], surroundings: Surroundings) -> list[Finding]:
    reporter = Reporter(surroundings, ApiCampaign)
    found: list[Finding] = []
    for campaign in api_campaigns:
        try:
            ApiCampaign.model_validate(campaign_to_dict(campaign), context=surroundings)
        except ValidationError as error:
            found += reporter.findings(error, None, (API_CAMPAIGNS, campaign.name))
    return found
