"""The app of the deployment examples: put your tasks here, or have your own file in its place."""

from offhours import Offhours, TaskPriority

app = Offhours.from_config()


@app.task(retries=3, timeout="30s")
def greet(name: str) -> str:
    return f"hello {name}"


@app.task(retries=3, timeout="10m", priority=TaskPriority.BACKGROUND)
def reindex(folder: str) -> int:
    return len(folder)
