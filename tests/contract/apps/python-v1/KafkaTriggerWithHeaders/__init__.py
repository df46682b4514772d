import base64
import json
import logging

from __app__.shared import wording


def main(kevent):
    logging.info(wording.worded("message", kevent.metadata["Value"]))
    for header in json.loads(kevent.metadata["Headers"]):
        logging.info("%s=%s", header["Key"], base64.b64decode(header["Value"]).decode("ascii"))
