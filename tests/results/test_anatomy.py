"""Tables of what networks are made of: against the paper's, and against counts by hand."""

import torch
from torch import nn
from torchvision.models import alexnet

from zfhelpers import paper
from zfhelpers.model import TABLE3, Architecture, ZFNet
from zfhelpers.networks.named import Named
from zfhelpers.results.anatomy import COLUMNS, STAGES, agreeing, layers_table, stages, stages_table, variants_table


def test_the_network_of_fig_3_is_the_paper_s_cell_by_cell():
    found, published = stages(ZFNet()), paper.figure(3)
    assert list(found) == list(STAGES)
    for stage, row in found.items():
        assert {column: row[column] for column in COLUMNS} == {column: published[stage, column] for column in COLUMNS}
    assert agreeing(found) == (49, 49)
    found["layer2"]["jump"] = 4
    assert agreeing(found) == (48, 49)


def test_multiplications_are_those_that_a_forward_pass_does():
    net = ZFNet(Architecture(classes=7, image_size=64, width=0.125, fc=(16, 8)))
    done = {}

    def count(name):
        def listen(module, given, value):
            if isinstance(module, nn.Conv2d):
                done[name] = value[0].numel() * given[0].shape[1] * module.kernel_size[0] * module.kernel_size[1]
            elif isinstance(module, nn.Linear):
                done[name] = module.in_features * module.out_features

        return listen

    for name, module in net.named_modules():
        module.register_forward_hook(count(name.split(".")[0]))
    net.eval()(torch.zeros(1, 3, 64, 64))
    assert {stage: row["multiplications"] for stage, row in stages(net).items() if row["multiplications"]} == done


def test_a_variant_lacks_what_it_was_built_without():
    without = stages(ZFNet(TABLE3["alexnet-no-3-4-6-7"]))
    assert "layer3" not in without
    assert "layer6" not in without
    assert "layer8  -     1,000" in str(stages_table(without, "A variant"))


def test_the_paper_s_layers_in_a_network_of_torchvision():
    said = str(layers_table(Named(alexnet(), 224), 224, "torchvision:alexnet"))
    assert said.startswith("The paper's layers in torchvision:alexnet, proposed by the rule")
    assert "layer5  features.11   ReLU  256 maps of 13 x 13" in said
    assert "layer7  classifier.5  ReLU  4096 units" in said


def test_the_variants_of_table_3():
    lines = str(variants_table()).splitlines()
    assert len(lines) == 2 + 12
    assert next(line for line in lines if line.startswith("Our model")).split()[-2:] == ["62,357,608", "16.5"]
    assert next(line for line in lines if line.startswith("Removed layers 3,4,6,7")).split()[-2:] == ["10,456,680", "50.1"]
