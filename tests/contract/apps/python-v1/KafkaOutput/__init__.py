import azure.functions as func


def main(kevent: func.KafkaEvent, out: func.Out[str]) -> str:
    out.set("also")
    return "returned"
