"""An import-linter contract for the modules that must stay pure; those not written yet are passed over."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.domain.contract import ContractCheck


class PureModulesContract(ForbiddenContract):
    """`forbidden`, for those of its source modules that exist."""

    type_name = "pure"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        wanted = self.source_modules
        self.source_modules = {module for module in wanted if module.expression in graph.modules}  # type: ignore[attr-defined]
        try:
            return super().check(graph, verbose)
        finally:
            self.source_modules = wanted
