"""One sample for each convention, made as its source says that the program makes it."""

import json

from tests.detection.labels import files
from tests.detection.labels.service_samples import SERVICES, VIDEO_KEYS

# AUTOMATIC1111/stable-diffusion-webui, wiki Features, "PNG info"; modules/images.py
A1111 = (
    "a lake at dawn, (mist:1.2) <lora:hills:0.8>\n"
    "Negative prompt: blurry, text\n"
    "Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1234567890, Size: 512x512, "
    'Model hash: 31e35c80fc, Model: sd_xl_base_1.0, Lora hashes: "hills: 1a2b", Version: v1.10.1'
)
# The same file: an inpainted picture
INPAINTED = A1111.replace("Version:", "Denoising strength: 0.75, Mask blur: 4, Version:")
# lllyasviel/stable-diffusion-webui-forge, a version with that of its base behind it
FORGE = A1111.replace("Version: v1.10.1", "Version: f2.0.1v1.10.1-previous-636-gb835f24a")
# comfyanonymous/ComfyUI, script_examples/basic_api_example.py
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 8566257, "steps": 20, "cfg": 8, "model": ["4", 0]},
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned.ckpt"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lake at dawn", "clip": ["4", 1]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
}
PROMPT = json.dumps(GRAPH)
WORKFLOW = json.dumps({"last_node_id": 9, "nodes": [{"id": 3, "type": "KSampler"}], "links": []})
# NovelAI/novelai-image-metadata, nai_meta.py, and its readme
NOVELAI = {
    "Title": "AI generated image",
    "Description": "a lake at dawn",
    "Software": "NovelAI",
    "Source": "NovelAI Diffusion V4.5 4F2FE5DB",
    "Comment": json.dumps(
        {
            "prompt": "a lake at dawn",
            "uc": "blurry",
            "seed": 42,
            "request_type": "PromptGenerateRequest",
        }
    ),
}
# invoke-ai/InvokeAI, CoreMetadata of invokeai/app/invocations/metadata.py
INVOKE = json.dumps(
    {
        "app_version": "5.0.0",
        "generation_mode": "sdxl_txt2img",
        "created_by": "ann@example.com",
        "positive_prompt": "a lake at dawn",
        "negative_prompt": "blurry",
        "seed": 42,
        "model": {"key": "c1", "name": "Juggernaut XL", "base": "sdxl"},
    }
)
# receyuki/stable-diffusion-prompt-reader, image_data_reader.py, _invoke_metadata and _invoke_dream
SD_METADATA = json.dumps(
    {
        "model": "stable diffusion",
        "model_weights": "stable-diffusion-1.5",
        "image": {"prompt": "a lake at dawn [blurry]", "type": "img2img", "seed": 42},
    }
)
DREAM = '"a lake at dawn [blurry]" -s 50 -S 42 -W 512 -H 512 -C 7.5 -A k_lms'
# lllyasviel/Fooocus, modules/meta_parser.py, FooocusMetadataParser
FOOOCUS = json.dumps(
    {
        "prompt": "a lake at dawn",
        "negative_prompt": "",
        "base_model": "juggernautXL_v8Rundiffusion",
        "metadata_scheme": "fooocus",
        "version": "Fooocus v2.5.5",
    }
)
# mcmonkeyprojects/SwarmUI, src/Text2Image/T2IParamInput.cs
SWARM = json.dumps(
    {
        "sui_image_params": {
            "prompt": "a lake at dawn",
            "negativeprompt": "blurry",
            "model": "OfficialStableDiffusion/sd_xl_base_1.0",
            "seed": 42,
            "swarm_version": "0.9.6.0",
        }
    }
)
# easydiffusion/easydiffusion, ui/easydiffusion/utils/save_utils.py
EASY = {
    "prompt": "a lake at dawn",
    "negative_prompt": "blurry",
    "seed": "42",
    "use_stable_diffusion_model": "C:\\Users\\ann\\models\\sd-v1-5.ckpt",
    "num_inference_steps": "25",
}


def commented(text):
    return files.exif({}, files.unicode_comment(text))


# name: file, standard, kind, system, some of the details
SAMPLES = {
    "a1111, png": (
        files.png({"parameters": A1111}),
        "generator.automatic1111",
        "generated",
        "AUTOMATIC1111 web UI",
        {"model": "sd_xl_base_1.0", "version": "v1.10.1"},
    ),
    "a1111, jpeg": (
        files.saved("JPEG", exif=commented(A1111)),
        "generator.automatic1111",
        "generated",
        "AUTOMATIC1111 web UI",
        {"model": "sd_xl_base_1.0"},
    ),
    "a1111, webp": (
        files.saved("WEBP", exif=commented(A1111)),
        "generator.automatic1111",
        "generated",
        "AUTOMATIC1111 web UI",
        {"model hash": "31e35c80fc"},
    ),
    "a1111, avif": (
        files.saved("AVIF", exif=commented(A1111)),
        "generator.automatic1111",
        "generated",
        "AUTOMATIC1111 web UI",
        {},
    ),
    "a1111, gif": (
        files.saved("GIF", files.image("P"), comment=A1111.encode()),
        "generator.automatic1111",
        "generated",
        "AUTOMATIC1111 web UI",
        {},
    ),
    "a1111, inpainted": (
        files.png({"parameters": INPAINTED}, compress=True),
        "generator.automatic1111",
        "altered",
        "AUTOMATIC1111 web UI",
        {},
    ),
    "forge": (
        files.png({"parameters": FORGE}),
        "generator.automatic1111",
        "generated",
        "Stable Diffusion WebUI Forge",
        {},
    ),
    "sd.next": (
        files.png({"parameters": A1111.replace("Version:", "App: SD.Next, Version:")}),
        "generator.automatic1111",
        "generated",
        "SD.Next",
        {},
    ),
    "comfyui, png": (
        files.png({"prompt": PROMPT, "workflow": WORKFLOW}),
        "generator.comfyui",
        "generated",
        "ComfyUI",
        {"model": "v1-5-pruned.ckpt", "nodes": "4"},
    ),
    "comfyui, drawn only": (
        files.png({"workflow": WORKFLOW}),
        "generator.comfyui",
        "generated",
        "ComfyUI",
        {"nodes": "1"},
    ),
    "comfyui, webp": (
        files.saved(
            "WEBP", exif=files.exif({0x0110: f"prompt:{PROMPT}", 0x010F: f"workflow:{WORKFLOW}"})
        ),
        "generator.comfyui",
        "generated",
        "ComfyUI",
        {"nodes": "4"},
    ),
    "comfyui, mp4": (
        files.video("mp4", {"prompt": PROMPT, "workflow": WORKFLOW}, options=VIDEO_KEYS),
        "generator.comfyui",
        "generated",
        "ComfyUI",
        {"nodes": "4"},
    ),
    "comfyui, flac": (
        files.sound("flac", {"prompt": PROMPT, "workflow": WORKFLOW}),
        "generator.comfyui",
        "generated",
        "ComfyUI",
        {"nodes": "4"},
    ),
    "comfyui, mp3": (
        files.sound("mp3", {"prompt": PROMPT}),
        "generator.comfyui",
        "generated",
        "ComfyUI",
        {"nodes": "4"},
    ),
    "comfyui, VideoHelperSuite": (
        files.video("mp4", {"comment": json.dumps({"prompt": PROMPT, "workflow": {"nodes": []}})}),
        "generator.comfyui",
        "generated",
        "ComfyUI",
        {"nodes": "4"},
    ),
    "comfyui, from a picture": (
        files.png(
            {"prompt": json.dumps({**GRAPH, "1": {"class_type": "LoadImage", "inputs": {}}})}
        ),
        "generator.comfyui",
        "altered",
        "ComfyUI",
        {},
    ),
    "comfyui, only resized": (
        files.png({"prompt": json.dumps({"1": {"class_type": "ImageScale", "inputs": {}}})}),
        "generator.comfyui",
        None,
        "ComfyUI",
        {},
    ),
    "novelai": (
        files.png(NOVELAI),
        "generator.novelai",
        "generated",
        "NovelAI",
        {"model": "NovelAI Diffusion V4.5 4F2FE5DB"},
    ),
    "novelai, webp": (
        files.saved("WEBP", exif=commented(json.dumps(NOVELAI))),
        "generator.novelai",
        "generated",
        "NovelAI",
        {},
    ),
    "novelai, filled in": (
        files.png(
            {**NOVELAI, "Comment": NOVELAI["Comment"].replace("PromptGenerate", "NativeInfilling")}
        ),
        "generator.novelai",
        "altered",
        "NovelAI",
        {},
    ),
    "invokeai": (
        files.png({"invokeai_metadata": INVOKE}),
        "generator.invokeai",
        "generated",
        "InvokeAI",
        {"model": "Juggernaut XL", "version": "5.0.0"},
    ),
    "invokeai 7, mp4": (
        files.video("mp4", {"invokeai_metadata": INVOKE}, options=VIDEO_KEYS),
        "generator.invokeai",
        "generated",
        "InvokeAI",
        {},
    ),
    "invokeai 2": (
        files.png({"sd-metadata": SD_METADATA, "Dream": DREAM}),
        "generator.invokeai",
        "altered",
        "InvokeAI",
        {},
    ),
    "invokeai 1": (
        files.png({"Dream": DREAM}),
        "generator.invokeai",
        "generated",
        "InvokeAI",
        {},
    ),
    "fooocus, png": (
        files.png({"parameters": FOOOCUS, "fooocus_scheme": "fooocus"}),
        "generator.fooocus",
        "generated",
        "Fooocus",
        {"model": "juggernautXL_v8Rundiffusion", "version": "Fooocus v2.5.5"},
    ),
    "fooocus, jpeg": (
        files.saved(
            "JPEG",
            exif=files.exif({0x0131: "Fooocus v2.5.5"}, b"UNICODE\0" + FOOOCUS.encode("utf-16-le")),
        ),
        "generator.fooocus",
        "generated",
        "Fooocus",
        {},
    ),
    "swarmui": (
        files.png({"parameters": SWARM}),
        "generator.swarmui",
        "generated",
        "SwarmUI",
        {"model": "OfficialStableDiffusion/sd_xl_base_1.0", "version": "0.9.6.0"},
    ),
    "easy diffusion": (
        files.png(EASY),
        "generator.easydiffusion",
        "generated",
        "Easy Diffusion",
        {"model": "sd-v1-5.ckpt"},
    ),
    "easy diffusion, jpeg": (
        files.saved("JPEG", exif=commented(json.dumps(EASY))),
        "generator.easydiffusion",
        "generated",
        "Easy Diffusion",
        {"model": "sd-v1-5.ckpt"},
    ),
} | SERVICES
