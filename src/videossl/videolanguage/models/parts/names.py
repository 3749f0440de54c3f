"""Translates CLIP's parameter names from openai/CLIP to `transformers`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

_OUTER = {
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.proj": "visual_projection.weight",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "text_projection": "text_projection.weight",
    "logit_scale": "logit_scale",
}
_PREFIXES = {
    "visual.transformer.resblocks.": "vision_model.encoder.layers.",
    "visual.ln_pre.": "vision_model.pre_layrnorm.",
    "visual.ln_post.": "vision_model.post_layernorm.",
    "transformer.resblocks.": "text_model.encoder.layers.",
    "ln_final.": "text_model.final_layer_norm.",
}
_INNER = {
    ".ln_1.": ".layer_norm1.",
    ".ln_2.": ".layer_norm2.",
    ".mlp.c_fc.": ".mlp.fc1.",
    ".mlp.c_proj.": ".mlp.fc2.",
    ".attn.out_proj.": ".self_attn.out_proj.",
}
_TRANSPOSED = ("visual.proj", "text_projection")
"""Stored as (in, out) by openai/CLIP, as linear layers by `transformers`."""


def hub_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A CLIP state dict with the names of `transformers.CLIPModel` instead of those of openai/CLIP.

    The joint projection of queries, keys and values is split into three.
    """
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if name in _OUTER:
            found[_OUTER[name]] = value.T if name in _TRANSPOSED else value
            continue
        prefix = next(prefix for prefix in _PREFIXES if name.startswith(prefix))
        new = _PREFIXES[prefix] + name.removeprefix(prefix)
        for old, inner in _INNER.items():
            new = new.replace(old, inner)
        if ".attn.in_proj_" in new:
            for part, projection in zip(value.chunk(3), "qkv", strict=True):
                found[new.replace(".attn.in_proj_", f".self_attn.{projection}_proj.")] = part
        else:
            found[new] = value
    return found
