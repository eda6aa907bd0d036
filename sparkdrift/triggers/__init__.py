"""Telling others of a verdict: webhooks and tags; whatever fails here costs no verdict."""
