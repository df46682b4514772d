"""An app of the programming model v2: what the samples of the original's Kafka extension show, in our own words."""

import azure.functions as func

from outputs import outputs
from retries import retries
from triggers import triggers

app = func.FunctionApp()
for blueprint in (triggers, retries, outputs):
    app.register_functions(blueprint)


@app.route(route="hello")
def over_http(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("never run by triggerd")


@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def by_timer(timer: func.TimerRequest) -> None:
    raise AssertionError("never run by triggerd")
