"""What can go wrong with objects.

ObjectsError
├── MalformedKey        the name or what describes the object cannot be used
├── ObjectMissing       there is no such object
├── AlreadyThere        there is one, and it was to be made only if there was none
├── BucketMissing       the bucket is not there
├── BucketRefused       the storage answers, but not to us
├── BucketUnreachable   the storage does not answer, or fails; safe to retry later
├── FolderUnusable      the folder of the filesystem storage cannot be used
└── LinkRefused         a signed URL of ours is forged, altered, or too old
"""

from __future__ import annotations

from store.errors import StoreError

MOST_SAID = 300


class ObjectsError(StoreError):
    """Base of everything the object storage raises."""


class MalformedKey(ObjectsError):
    """The key, or something that describes the object, is not of the allowed form; nothing was written."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key[:100]!r} cannot be stored: {why}")
        self.key, self.why = key, why


class ObjectMissing(ObjectsError):
    """No object has that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no object {key}")
        self.key = key


class AlreadyThere(ObjectsError):
    """An object has that key already, and it was not replaced."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the object {key} is there already and was left as it is")
        self.key = key


class BucketMissing(ObjectsError):
    """The bucket that the settings name does not exist."""

    def __init__(self, bucket: str, place: str) -> None:
        super().__init__(
            f"there is no bucket {bucket!r} at {place}. Create it, or correct S3_BUCKET, S3_REGION "
            "or S3_ENDPOINT."
        )
        self.bucket = bucket


class BucketRefused(ObjectsError):
    """The storage does not accept our credentials, or what they may do is too little."""

    def __init__(self, bucket: str, place: str, why: str) -> None:
        super().__init__(
            f"the storage at {place} refused access to the bucket {bucket!r}: {why[:MOST_SAID]}. "
            "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or the role of this machine), its clock, "
            "and that they may list the bucket and get, put and delete its objects."
        )
        self.bucket = bucket


class BucketUnreachable(ObjectsError):
    """The storage did not answer in time, or failed; what was asked may or may not have happened."""

    def __init__(self, bucket: str, place: str, why: str) -> None:
        super().__init__(
            f"the bucket {bucket!r} at {place} cannot be reached: {why[:MOST_SAID]}. "
            "Check that the storage runs, that it can be reached from here, and S3_ENDPOINT; then try again."
        )
        self.bucket = bucket


class FolderUnusable(ObjectsError):
    """The folder of the filesystem storage is full, gone, or not ours to write."""

    def __init__(self, folder: object, why: str) -> None:
        super().__init__(
            f"objects cannot be kept in {folder}: {why}. Make room or correct the permissions of DATA_DIR, "
            "or set S3_BUCKET to keep them elsewhere."
        )


class LinkRefused(ObjectsError):
    """A signed URL of ours that is forged, altered, used for something else, or too old."""

    def __init__(self, why: str) -> None:
        super().__init__(f"this link cannot be used: {why}; ask for a new one")
        self.why = why
