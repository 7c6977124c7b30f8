"""The peer of `benchmarks/evals.py`: FOLDER for its log and the number of samples. Runs in a Python that has inspect-ai. Prints one JSON line.

Says on standard error how much CPU the evaluation took.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelAPI, ModelOutput, modelapi
from inspect_ai.scorer import match

ANSWER = "14 days, 30000 USD"


@modelapi(name="at_once")
class AtOnce(ModelAPI):
    """A model that answers the same without any work."""

    async def generate(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        """The answer."""
        return ModelOutput.from_content(model="at_once", content=ANSWER)


def main(folder: Path, samples: int) -> None:
    """Run and count what is in the log."""
    data = MemoryDataset(
        [Sample(id=f"s-{number}", input=f"Goal {number}: sell more shoes", target=ANSWER) for number in range(samples)]
    )
    task = Task(dataset=data, scorer=match(location="exact"))
    setting: dict[str, Any] = {"log_realtime": False, "max_samples": 100, "display": "none", "log_level": "warning"}
    before = time.process_time()
    (log,) = eval(task, model="at_once/one", log_dir=str(folder), **setting)
    print("suite", time.process_time() - before, file=sys.stderr)
    right = sum(score.metrics["accuracy"].value for score in log.results.scores)
    print(json.dumps({"status": log.status, "samples": log.results.completed_samples, "accuracy": right}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
