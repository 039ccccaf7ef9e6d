"""Where uploads and secrets are kept, as the settings say."""

from __future__ import annotations

from pathlib import Path

from config.secret import signing_key
from config.settings import Settings
from store.connection import Connection
from store.objects import Objects
from store.objects.files import FileObjects
from store.objects.links import MEDIA_PATH, Links
from store.secrets import KeyFile, KmsMaster, Master, Masters, Secrets, Vault


def links_of(settings: Settings) -> Links:
    return Links(signing_key(settings), f"{settings.public_url or ''}{MEDIA_PATH}")


def folder_of(settings: Settings) -> FileObjects:
    return FileObjects(settings.data_dir / "objects", links_of(settings))


def bucket_of(settings: Settings) -> Objects | None:
    """The bucket, if the settings name one."""
    if settings.s3_bucket is None:
        return None
    from store.objects.s3 import Bucket, S3Objects  # boto3 takes long to import

    bucket = Bucket(
        settings.s3_bucket,
        settings.s3_region,
        settings.s3_endpoint,
        settings.aws_access_key_id,
        settings.aws_secret_access_key,
        settings.aws_session_token,
    )
    return S3Objects(bucket)


def objects_of(settings: Settings) -> Objects:
    """The bucket that the settings name, else a folder of this machine."""
    return bucket_of(settings) or folder_of(settings)


def secrets_of(settings: Settings, connection: Connection) -> Secrets:
    """Nothing is read or made before something is encrypted or decrypted."""
    return Secrets(connection.database, lambda: masters_of(settings, connection))


def masters_of(settings: Settings, connection: Connection) -> Masters:
    """The master keys in force. The first is made where nothing was ever encrypted; a lost one never."""
    file = key_file_of(settings)
    if settings.kms_key_arn is not None:
        return Masters(kms_master(settings, settings.kms_key_arn), file.read() if file.exists() else ())
    first_use = settings.master_key_file is None and Vault(connection.database).is_empty()
    current, *others = file.make() if first_use else file.read()
    return Masters(current, tuple(others))


def key_file_of(settings: Settings) -> KeyFile:
    return KeyFile(settings.master_key_file or settings.data_dir / "master_key")


def kms_master(settings: Settings, arn: str) -> KmsMaster:
    return KmsMaster(
        arn,
        settings.kms_endpoint,
        settings.aws_access_key_id,
        settings.aws_secret_access_key,
        settings.aws_session_token,
    )


def target_master(settings: Settings, target: str) -> Master:
    """Where a rotation leads: a KMS key by its ARN, or the newest key of a file, made if need be."""
    if target.startswith("arn:"):
        return kms_master(settings, target)
    return KeyFile(Path(target)).make()[0]
