"""A router of UPnP that says yes: run in its namespace as
`upnp_gateway.py ADDRESS EXTERNAL`. Prints each SOAP action."""
import http.server
import re
import socket
import struct
import sys
import threading

SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
PORT = 5000
DESCRIPTION = f"""<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>
<serviceList><service><serviceType>{SERVICE}</serviceType>
<controlURL>/control</controlURL></service></serviceList>
</device></root>"""
ENVELOPE = """<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
{}</s:Body></s:Envelope>"""
NO_ENTRY = "<errorCode>714</errorCode>"


class Handler(http.server.BaseHTTPRequestHandler):
    external = ""

    def reply(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(200, DESCRIPTION)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        action = re.search(r"#(\w+)", self.headers["SOAPAction"])[1]
        print(action, flush=True)
        if action == "GetSpecificPortMappingEntry":
            self.reply(500, ENVELOPE.format(NO_ENTRY))
            return
        content = ""
        if action == "GetExternalIPAddress":
            content = f"<NewExternalIPAddress>{self.external}" \
                      "</NewExternalIPAddress>"
        self.reply(200, ENVELOPE.format(
            f'<u:{action}Response xmlns:u="{SERVICE}">{content}'
            f"</u:{action}Response>"))

    def log_message(self, *_):
        pass


def answer_searches(address):
    search = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    search.bind(("", 1900))
    group = struct.pack("4s4s", socket.inet_aton("239.255.255.250"),
                        socket.inet_aton(address))
    search.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    answer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answer.bind((address, 0))
    while True:
        _, client = search.recvfrom(2048)
        answer.sendto(f"HTTP/1.1 200 OK\r\nST: {SERVICE}\r\nLOCATION: "
                      f"http://{address}:{PORT}/\r\n\r\n".encode(), client)


def main():
    address, Handler.external = sys.argv[1:]
    threading.Thread(target=answer_searches, args=(address,),
                     daemon=True).start()
    http.server.ThreadingHTTPServer((address, PORT), Handler).serve_forever()


if __name__ == "__main__":
    main()
