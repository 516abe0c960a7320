#!/usr/bin/env python3
"""Make src/tasks/tables.c from labels.json: python3 tools/make_tasks.py tests/fixtures/labels.json > src/tasks/tables.c"""

import json
import sys


def number(value):
    return "NAN" if value is None else repr(float(value))


def text(value):
    return json.dumps(value, ensure_ascii=True)


def points(operating_point):
    names = "wcr_youden", "efficientnet_sens_spec", "wcr_sens_spec"
    return "{" + ", ".join(number(operating_point.get(name)) for name in names) + "}"


def print_labels(labels):
    print("const label_info labels[LABEL_COUNT] = {")
    for i, label in enumerate(labels):
        assert label["index"] == i
        print(f"    {{{text(label['name'])}, {number(label['bert_threshold'])}, {label['wcr_raw_column']},"
              f" {points(label['operating_point'])}}},")
    print("};\n")


def print_categories(categories, labels):
    index = {label["name"]: label["index"] for label in labels}
    for i, category in enumerate(categories):
        members = ", ".join(str(index[name]) for name in category["labels"])
        print(f"static const unsigned char members_{i}[] = {{{members}}};")
    print("\nconst category_info categories[CATEGORY_COUNT] = {")
    for i, category in enumerate(categories):
        print(f"    {{{text(category['name'])}, {len(category['labels'])}, members_{i}}},")
    print("};\n")


TITLES = {
    "ecg_machine_diagnosis": "77 findings",
    "afib_5y": "AF within 5 years",
    "lvef_40": "LVEF <= 40 %",
    "lvef_50": "LVEF < 50 %",
}


def print_task(task, kind):
    models = f"[FAMILY_WCR] = {text(task['wcr'])}, [FAMILY_EFFICIENTNET] = {text(task['efficientnet'])}"
    print(f"    {{{text(task['column'])}, {text(task['file_column'])}, {text(TITLES[task['column']])}, {kind},\n     {{{models}}},\n"
          f"     {points(task.get('operating_point', {}))}}},")


def print_tasks(multilabel, binary):
    print("const task_info tasks[] = {")
    print_task(multilabel, "TASK_77_LABELS")
    for task in binary:
        print_task(task, "TASK_BINARY")
    print(f"}};\nconst size_t task_count = {1 + len(binary)};\n")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        facts = json.load(file)
    print("/* Made by tools/make_tasks.py from labels.json; do not edit. */\n/* clang-format off */")
    print('#include "tasks/tasks.h"\n\n#include <math.h>\n')
    print_labels(facts["labels"])
    print_categories(facts["categories"], facts["labels"])
    print_tasks(facts["multilabel_task"], facts["binary_tasks"])
    print("const char *const bert_models[] = {")
    for model in facts["multilabel_task"]["bert"]:
        print(f"    {text(model)},")
    print("    NULL,\n};")


main()
