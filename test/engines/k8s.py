"""Validates a file of manifests: k8s.py VERSION FILE. An unknown field must be refused, or the check would say nothing."""

import sys

import kubernetes_validate
import yaml

version, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    documents = list(yaml.safe_load_all(file))
assert [document["kind"] for document in documents] == ["Job", "Job"], documents
for document in documents:
    kubernetes_validate.validate(document, version, strict=True)
    document["spec"]["podFailurePolicies"] = document["spec"].pop("podFailurePolicy")
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError:
        continue
    raise SystemExit(f"version {version} takes a field that does not exist")
