"""Turn every skipped test into a failure, for machines that have all that the tests need: `REQUIRE_ALL=1 make test`."""

import pytest

ADVICE = "skipped, and REQUIRE_ALL allows no skip: provide what the reason names"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Fail a test that was skipped before or while it ran; an expected failure stays one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    """Fail a file that skipped itself while it was collected."""
    report = yield
    if report.skipped:
        fail(report)
    return report


def fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a failure of a skipped report and keep its reason."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: {ADVICE}\n{reason}"
