"""moto on 127.0.0.1 and the port that is given, one request after the other.

DynamoDB checks a condition and writes in one step; moto's server has a thread for each request and
nothing between its check and its write, so that of two at once both may win.
"""

import sys
from threading import Lock

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

moto = DomainDispatcherApplication(create_backend_app)
moto.debug = True
turn = Lock()


def one_at_a_time(environ, start_response):
    with turn:
        return moto(environ, start_response)


run_simple("127.0.0.1", int(sys.argv[1]), one_at_a_time, threaded=True)
