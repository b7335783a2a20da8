"""What the connection of the sample holds besides its address: the account's token, and the datasets to read."""

from sandbox.comments.api import TOKEN
from sandbox.comments.datasets import IDS

FIELDS = {"password": TOKEN, "extra": {"datasets": list(IDS)}}
