"""Master keys in AWS KMS: the real protocol over TLS, against moto's imitation of the service."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.server import DomainDispatcherApplication, create_backend_app
from pymongo.database import Database
from werkzeug.serving import make_server

from store.connection import Document
from store.secrets import (
    VAULT,
    KeyFile,
    KeyServiceFailed,
    KmsMaster,
    MasterKeyMissing,
    Masters,
    Secrets,
    rewrap,
)

ALICE = "0x" + "aA" * 20


@dataclass
class Kms:
    port: int
    certificate: Path

    @property
    def client(self) -> Any:
        return boto3.client(
            "kms",
            endpoint_url=f"https://127.0.0.1:{self.port}",
            region_name="eu-central-1",
            aws_access_key_id="any",
            aws_secret_access_key="thing",
            verify=str(self.certificate),
        )

    def new_key(self) -> KmsMaster:
        arn = self.client.create_key()["KeyMetadata"]["Arn"]
        return KmsMaster(arn, f"127.0.0.1:{self.port}", "any", "thing")


def write_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kms of a test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kms]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    certificate, key = write_certificate(tmp_path_factory.mktemp("kms"))
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=(str(certificate), str(key)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Kms(server.port, certificate)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def kms(running: Kms, monkeypatch: pytest.MonkeyPatch) -> Kms:
    """Where the operating system would find who vouches for the service."""
    monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
    return running


def test_secrets_are_read_by_whoever_may_use_the_key(kms: Kms, prepared: Database[Document]):
    master = kms.new_key()
    sealed = Secrets(prepared, lambda: Masters(master)).encrypt("totp", ALICE, "secret")

    assert Secrets(prepared, lambda: Masters(master)).decrypt("totp", ALICE, sealed) == "secret"
    told = prepared[VAULT].find_one({})
    assert told
    assert told["masterKey"]["key"] == master.arn
    assert told["masterKey"]["region"] == "eu-central-1"


def test_keys_move_from_a_file_to_kms_to_another_key_and_back(
    kms: Kms, prepared: Database[Document], key_file: KeyFile, box: Secrets
):
    sealed = box.encrypt("totp", ALICE, "secret")
    file, one, other = key_file.read()[0], kms.new_key(), kms.new_key()

    for old, new in ((file, one), (one, other), (other, file)):
        assert rewrap(prepared, Masters(new, (old,))).rewrapped == 1
        assert Secrets(prepared, lambda new=new: Masters(new)).decrypt("totp", ALICE, sealed) == "secret"
        # Who may use which key of KMS is for the service to say, so only keys in files are ours to tell.
        if file in (old, new):
            with pytest.raises(MasterKeyMissing):
                Secrets(prepared, lambda old=old: Masters(old)).decrypt("totp", ALICE, sealed)


def test_a_key_of_kms_is_wrapped_again_when_kms_has_new_material(kms: Kms, prepared: Database[Document]):
    master = kms.new_key()
    Secrets(prepared, lambda: Masters(master)).encrypt("totp", ALICE, "secret")

    assert rewrap(prepared, Masters(master)).rewrapped == 0
    assert rewrap(prepared, Masters(master), again=True).rewrapped == 1


def test_a_key_that_kms_does_not_know_is_told(kms: Kms, prepared: Database[Document]):
    arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    unknown = KmsMaster(arn, f"127.0.0.1:{kms.port}", "any", "thing")

    with pytest.raises(KeyServiceFailed, match="Check KMS_KEY_ARN"):
        Secrets(prepared, lambda: Masters(unknown)).encrypt("totp", ALICE, "secret")


def test_a_service_that_is_away_is_told(kms: Kms, prepared: Database[Document]):
    away = KmsMaster(kms.new_key().arn, "127.0.0.1:1", "any", "thing")

    with pytest.raises(KeyServiceFailed, match="AWS KMS could not be used"):
        Secrets(prepared, lambda: Masters(away)).encrypt("totp", ALICE, "secret")


def test_a_service_that_nobody_vouches_for_is_refused(
    kms: Kms, prepared: Database[Document], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(KeyServiceFailed, match="certificate verify failed"):
        Secrets(prepared, lambda: Masters(kms.new_key())).encrypt("totp", ALICE, "secret")


def test_the_credentials_are_not_shown():
    assert "thing" not in repr(KmsMaster("arn", None, "any", "thing", "token"))
