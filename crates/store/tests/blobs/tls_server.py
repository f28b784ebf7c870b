"""An S3 server behind TLS, with a certificate of its own authority, until its standard input ends.

Takes the directory to write the authority's certificate to.
"""

import datetime
import ipaddress
import json
import logging
import pathlib
import sys
import threading

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def certificate(subject, key, issuer, issuer_key, extensions):
    """A certificate for a day, from an hour ago on."""
    now = datetime.datetime.now(datetime.timezone.utc)
    name = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


directory = pathlib.Path(sys.argv[1])
authority_key = ec.generate_private_key(ec.SECP256R1())
authority = certificate(
    "authority", authority_key, "authority", authority_key,
    [(x509.BasicConstraints(ca=True, path_length=None), True)],
)
key = ec.generate_private_key(ec.SECP256R1())
address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
own = certificate("server", key, "authority", authority_key, [(address, False)])

(directory / "authority.pem").write_bytes(authority)
(directory / "server.pem").write_bytes(own)
(directory / "server.key").write_bytes(
    key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
)

logging.getLogger("werkzeug").setLevel(logging.ERROR)
files = (str(directory / "server.pem"), str(directory / "server.key"))
application = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", 0, application, threaded=True, ssl_context=files)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = f"https://127.0.0.1:{server.server_port}"
boto3.client(
    "s3",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="anybody",
    aws_secret_access_key="anybody",
    verify=str(directory / "authority.pem"),
).create_bucket(Bucket="strict")
print(json.dumps({"endpoint": endpoint, "id": "anybody", "secret": "anybody"}), flush=True)
sys.stdin.read()
