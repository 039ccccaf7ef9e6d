"""Follows the chain and keeps the store in step: interpret, fold, follow."""
