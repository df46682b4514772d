"""The demo's handler: the warmest reading of each city so far.

Every 499th reading fails the first time it comes, as a service that it calls might; triggerd brings it again, and
nothing of its partition passes it meanwhile.
"""

warmest = {}


def handle(record):
    report = record.json()
    if report["reading"] % 499 == 498 and record.attempt == 1:
        raise ConnectionError("the station does not answer")
    city = report["city"]
    warmest[city] = max(report["celsius"], warmest.get(city, report["celsius"]))
