"""The chain around tools of the OpenAI Agents SDK, run by its own runner with a scripted model."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("agents")
from agents import Agent, FunctionTool, RunConfig, RunContextWrapper, Runner
from agents.testing import ScriptedModel, assistant_message, function_call

from offhours.recorder.adapters.agents import intercepting


def outputs(tool: FunctionTool, arguments: str) -> list[Any]:
    """What the model reads of one call of the tool."""
    model = ScriptedModel(
        [[function_call(tool.name, arguments, call_id="1")], [assistant_message("done")]]
    )
    agent = Agent(name="a", model=model, tools=[tool])
    config = RunConfig(tracing_disabled=True)
    result = asyncio.run(Runner.run(agent, "go", run_config=config))
    assert result.final_output == "done"
    return [item.output for item in result.new_items if item.type == "tool_call_output_item"]


def test_functions_sync_and_async(witnessed: Any) -> None:
    function_tool = intercepting(witnessed.chain)

    @function_tool
    def search(query: str, limit: int = 3) -> str:
        """Search the web.

        Args:
            query: What to look for.
        """
        return query * limit

    @function_tool(name_override="fetch")
    async def get(context: RunContextWrapper[Any], address: str) -> str:
        return address.upper()

    assert outputs(search, '{"query":"ab","limit":2}') == ["abab"]
    assert [line.split()[0] for line in witnessed.lines] == ["before", "around", "after"]
    assert search.params_json_schema["properties"]["query"]["description"] == "What to look for."
    assert outputs(get, '{"address":"x"}') == ["X"]
    assert list(get.params_json_schema["properties"]) == ["address"]
    assert (witnessed.figures("search"), witnessed.figures("fetch")) == ((1, 0), (1, 0))


def test_an_error_is_seen_and_told_as_ever(witnessed: Any) -> None:
    function_tool = intercepting(witnessed.chain)

    @function_tool
    def broken() -> str:
        raise LookupError("nothing there")

    @function_tool(failure_error_function=lambda context, error: f"sorry: {error}")
    def polite() -> str:
        raise LookupError("nothing there")

    @function_tool(failure_error_function=None)
    def fatal() -> str:
        raise LookupError("nothing there")

    [told] = outputs(broken, "{}")
    assert told.startswith("An error occurred") and "nothing" not in told
    assert witnessed.lines[-1] == "error LookupError: nothing there"
    assert outputs(polite, "{}") == ["sorry: nothing there"]
    assert witnessed.figures("polite") == (1, 1)
    with pytest.raises(Exception, match="nothing there"):
        outputs(fatal, "{}")


def test_the_model_reads_why_a_call_was_refused(witnessed: Any) -> None:
    function_tool = intercepting(witnessed.chain)

    @function_tool
    def forbidden() -> str:
        raise AssertionError

    assert outputs(forbidden, "{}") == ["refused: not today"]
    assert witnessed.lines == ["before forbidden {}"]

    @function_tool(name_override="forbidden", failure_error_function=None)
    async def closed() -> str:
        raise AssertionError

    with pytest.raises(Exception, match="not today"):
        outputs(closed, "{}")
