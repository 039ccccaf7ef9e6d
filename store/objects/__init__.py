"""Object storage: named bytes in a folder or in an S3 bucket, behind one port."""

from store.objects.errors import (
    AlreadyThere,
    BucketMissing,
    BucketRefused,
    BucketUnreachable,
    FolderUnusable,
    LinkRefused,
    MalformedKey,
    ObjectMissing,
    ObjectsError,
)
from store.objects.port import Headers, Listed, Listing, ObjectInfo, Objects, SignedRequest, StoredObject

__all__ = [
    "Objects",
    "Headers",
    "ObjectInfo",
    "StoredObject",
    "Listed",
    "Listing",
    "SignedRequest",
    "ObjectsError",
    "MalformedKey",
    "ObjectMissing",
    "AlreadyThere",
    "BucketMissing",
    "BucketRefused",
    "BucketUnreachable",
    "FolderUnusable",
    "LinkRefused",
]
