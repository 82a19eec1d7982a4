"""The catalog as code: from the document that people write to the compiled catalog that the engine decides by.

`compile_catalog` reads, checks and compiles; everything that is wrong comes back as findings with line and column. It
knows neither gRPC nor the engine.
"""

from repit_server.catalog.campaigns import Adopted, adopt_campaigns, campaign_from_dict, campaign_to_dict
from repit_server.catalog.compiled import CompiledCatalog, compile_catalog, etag
from repit_server.catalog.document import MAX_DOCUMENT_BYTES
from repit_server.catalog.findings import CatalogError, Finding, Severity
from repit_server.catalog.model import ApiCampaign, Campaign, Document
from repit_server.catalog.schema import catalog_schema
from repit_server.catalog.selector import Selector

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "Adopted",
    "ApiCampaign",
    "Campaign",
    "CatalogError",
    "CompiledCatalog",
    "Document",
    "Finding",
    "Selector",
    "Severity",
    "adopt_campaigns",
    "campaign_from_dict",
    "campaign_to_dict",
    "catalog_schema",
    "compile_catalog",
    "etag",
]
