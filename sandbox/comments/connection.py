"""What the connection of the sample holds besides its address: the account's token, the datasets to read, and whom the
owners monitor."""

from sandbox.comments.api import TOKEN
from sandbox.comments.datasets import IDS
from sandbox.comments.entities import FILE

FIELDS = {"password": TOKEN, "extra": {"datasets": list(IDS), "catalogue": str(FILE)}}
