"""What the services of a DHuS hub share."""

from __future__ import annotations

from s2fetch.clock import Clock
from s2fetch.embedded.dhus.accounts import Accounts
from s2fetch.embedded.dhus.documents import search_document
from s2fetch.embedded.dhus.orders import Orders
from s2fetch.embedded.dhus.settings import DhusSettings
from s2fetch.embedded.dhus.solr.matching import Document
from s2fetch.embedded.dhus.stats import DhusStats
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import Effects, FaultPlan, Kind
from s2fetch.embedded.listing import Catalogue, Ordering
from s2fetch.embedded.state import RequestState

_ALL = 1 << 62
_BY_INGESTION = Ordering("PublicationDate")


class DhusState(RequestState):
    """Catalogue, users, orders, faults and counters of one hub.

    Args:
        catalogue: What it serves.
        accounts: Who may do what.
        faults: What goes wrong.
        settings: How it behaves; may be replaced at any time.
        stats: What was counted.
        clock: Where time comes from.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        accounts: Accounts,
        faults: FaultPlan,
        settings: DhusSettings,
        stats: DhusStats,
        clock: Clock,
    ) -> None:
        super().__init__(faults, stats)
        self.catalogue = catalogue
        self.accounts = accounts
        self.settings = settings
        self.clock = clock
        self.orders = Orders(catalogue, clock, stats, lambda: self.settings)
        self.root = ""
        self._documents: dict[str, tuple[Entry, Document]] = {}

    def entries(self) -> list[Entry]:
        """All products, in order of ingestion."""
        return list(self.catalogue.search(None, _BY_INGESTION, 0, _ALL).rows)

    def document(self, entry: Entry) -> Document:
        """The search document of a product."""
        known = self._documents.get(entry.id)
        if known is not None and known[0] is entry:
            return known[1]
        document = search_document(entry)
        self._documents[entry.id] = entry, document
        return document

    async def begin(self, kind: Kind, entry: Entry | None = None) -> Effects:
        """Count a request, let its latency pass and find out what goes wrong with it.

        Raises:
            EarlyAnswer: A fault answers it already.
        """
        effects = await self._arrive(kind, entry, self.settings.latency_seconds)
        await self._answer_early(effects)
        return effects
