"""Run by a client's own Python: do one thing with huggingface_hub, print what came of it as JSON.

python doing.py ACTION '{"argument": …}'. Nothing here knows of Halfdoor; nothing of the client is changed.
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, snapshot_download


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def download(repo, file, **options):
    path = hf_hub_download(repo, file, **options)
    return {"sha256": digest(path), "size": Path(path).stat().st_size}


def snapshot(repo, **options):
    folder = Path(snapshot_download(repo, **options))
    found = {str(one.relative_to(folder)): digest(one) for one in folder.rglob("*") if one.is_file()}
    return {"folder": str(folder), "files": found}


def info(repo, **options):
    found = HfApi().model_info(repo, **options)
    return {
        "id": found.id,
        "sha": found.sha,
        "gated": found.gated,
        "private": found.private,
        "files": [one.rfilename for one in found.siblings],
    }


def tree(repo, **options):
    found = HfApi().list_repo_tree(repo, **options)
    return {"files": {one.path: getattr(one, "size", None) for one in found}}


def refs(repo):
    found = HfApi().list_repo_refs(repo)
    return {
        "branches": {one.name: one.target_commit for one in found.branches},
        "tags": {one.name: one.target_commit for one in found.tags},
    }


def exists(repo, file, revision):
    api = HfApi()
    return {
        "repo": api.repo_exists(repo),
        "file": api.file_exists(repo, file),
        "revision": api.revision_exists(repo, revision),
    }


def whoami():
    found = HfApi().whoami()
    return {"name": found["name"], "type": found["type"], "auth": found["auth"]}


def auth_check(repo):
    HfApi().auth_check(repo)
    return {}


def models(**options):
    return {"ids": [one.id for one in HfApi().list_models(**options)]}


def pending(repo, status):
    found = list(getattr(HfApi(), f"list_{status}_access_requests")(repo))  # newer clients give an iterator
    return {"users": [one.username for one in found], "fields": [one.fields for one in found]}


def handle(repo, user, method, **options):
    getattr(HfApi(), f"{method}_access_request")(repo, user, **options)
    return {}


def grant(repo, user):
    HfApi().grant_access(repo, user)
    return {}


def settings(repo, **options):
    HfApi().update_repo_settings(repo, **options)
    return {}


def cached(repo, file):
    """Fetch a file, then again, as a client does that has it."""
    return {"same": hf_hub_download(repo, file) == hf_hub_download(repo, file)}


def make_model(folder):
    """A tiny model as transformers saves it."""
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415  there in one environment alone

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "vocab_size": 64}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    LlamaForCausalLM(LlamaConfig(**sizes, **heads)).save_pretrained(folder)
    return {"files": sorted(one.name for one in Path(folder).iterdir())}


def transformers_config(repo):
    from transformers import AutoConfig  # noqa: PLC0415  there in one environment alone

    found = AutoConfig.from_pretrained(repo)
    return {"type": found.model_type, "layers": found.num_hidden_layers}


def transformers_model(repo, **options):
    import torch  # noqa: PLC0415  there in one environment alone
    from transformers import AutoModelForCausalLM  # noqa: PLC0415  there in one environment alone

    model = AutoModelForCausalLM.from_pretrained(repo, **options)
    logits = model(torch.tensor([[1, 2, 3]])).logits
    return {"shape": list(logits.shape), "parameters": sum(one.numel() for one in model.parameters())}


def main():
    action, arguments = sys.argv[1], json.loads(sys.argv[2])
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            found = globals()[action](**arguments)
        except Exception as error:  # noqa: BLE001  whatever a client raises is asked about
            names = [one.__name__ for one in type(error).__mro__]
            cause = error.__cause__ or error.__context__
            found = {
                "error": names,
                "message": str(error),
                "cause": type(cause).__name__ if cause else "",
                "status": getattr(getattr(error, "response", None), "status_code", None),
            }
    found["warnings"] = [str(one.message) for one in heard]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
