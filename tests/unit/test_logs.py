"""The log tells where something failed, and never the texts that may hold what somebody sent."""

import asyncio
import io
import json
import logging
import sqlite3
import sys

import pytest

from host_agent import logs
from host_agent.errors import UserError

PLANTED = "赵钱孙13800138000"


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Set logging up as the agent does, with everything told; return what reads both places."""
    root, console = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(sys, "stderr", console)
    logs.set_up(tmp_path, True)

    def read():
        return (tmp_path / "agent.log").read_text(encoding="utf-8") + console.getvalue()

    yield read
    for handler in root.handlers:
        handler.close()


def fails(error):
    raise error


@pytest.mark.parametrize(
    "error", [ValueError(PLANTED), KeyError(PLANTED), UnicodeError(PLANTED), RuntimeError({"name": PLANTED})]
)
def test_exception_is_told_by_place_and_type_without_its_text(log, error):
    try:
        fails(error)
    except Exception:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    text = log()
    assert text.count(type(error).__name__) == 2, "in the file and on the console"
    assert text.count("in fails") == 2
    assert "赵" not in text and "1380" not in text and "\\u8d75" not in text


def test_texts_of_this_package_and_of_the_system_are_told(log):
    for error in (UserError("port busy", "COM3", "close it"), sqlite3.Error("disk I/O error"), OSError(5, "I/O error")):
        try:
            fails(error)
        except Exception:
            logging.getLogger("host_agent.agent").exception("a part failed")
    text = log()
    for told in ("UserError: port busy (COM3): close it", "Error: disk I/O error", "OSError: [Errno 5] I/O error"):
        assert text.count(told) == 2, told


def test_cause_context_and_group_are_told_in_the_same_way(log):
    try:
        try:
            fails(ValueError(PLANTED))
        except ValueError as error:
            raise ExceptionGroup(PLANTED, [KeyError(PLANTED), OSError(28, "no room")]) from error
    except ExceptionGroup as error:
        text = logs.trace(error)
    assert [word in text for word in ("ExceptionGroup", "KeyError", "ValueError", "OSError: [Errno 28] no room")] == [
        True
    ] * 4
    assert text.count("came from") == 3 and "赵" not in text
    loop = ValueError(PLANTED)
    loop.__cause__ = KeyError(PLANTED)
    loop.__cause__.__cause__ = loop
    assert logs.trace(loop) == "ValueError\ncame from\nKeyError"


def test_what_nobody_awaited_is_told_without_result_and_arguments(log):
    async def work(argument):
        raise ValueError(argument)

    async def main():
        asyncio.get_running_loop().set_exception_handler(logs.loop_failed)
        task = asyncio.create_task(work(PLANTED))
        await asyncio.wait([task])
        del task
        asyncio.get_running_loop().call_exception_handler({"message": "odd", "handle": PLANTED})

    asyncio.run(main())
    text = log()
    assert "Task exception was never retrieved" in text and "ValueError" in text and "odd" in text
    assert "赵" not in text and "1380" not in text


@pytest.mark.parametrize(
    "name", ["websockets.server", "host_agent.dialects.rateservice_server.websockets", "uvicorn.error"]
)
def test_libraries_debugging_lines_are_not_written(log, name):
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    try:
        logger.debug("< TEXT '%s'", PLANTED)
        logger.info("< TEXT '%s'", PLANTED)
        logger.warning("connection lost")
    finally:
        logger.setLevel(logging.NOTSET)
    text = log()
    assert text.count("connection lost") == 2 and "TEXT" not in text


def test_lines_of_this_package_are_json_with_what_was_added(log, tmp_path):
    logging.getLogger("host_agent.window").debug("terminal %s answers", "YP-0001", extra={"firmware": "1.2"})
    log()
    line = json.loads((tmp_path / "agent.log").read_text(encoding="utf-8"))
    assert (line["part"], line["message"], line["firmware"]) == ("window", "terminal YP-0001 answers", "1.2")


def test_line_that_cannot_be_written_is_dropped_and_not_told_elsewhere(log):
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if type(handler).__module__ == logs.__name__]
    logging.getLogger("host_agent.window").warning("%d", PLANTED)
    logging.getLogger("host_agent.window").warning("next")
    text = log()
    assert text.count("next") == 2 and "赵" not in text
