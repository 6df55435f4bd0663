"""The peer of the training-step benchmark: the same autoencoder step in PyTorch eager, written as the reference writes its networks.

Reads a number of steps a line on stdin, answers with the seconds they took; see TrainStep.cs, which runs the pairs.
usage: train_step.py NETWORK THREADS MODE ROWS     NETWORK: mlp, conv_hvae, pixel_hvae; MODE: foreach or single (Adam), with -channels_last the images' layout
"""
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

X, SIDE = 784, 28
LOG_SIGMA_MIN = -13.815510558  # ln 1e-6
LOG_2PI = 1.8378770664
LEVEL, WIDTH = 40, 300


def log_normal(z, mean, log_sigma):
    return (-0.5 * (((z - mean) / log_sigma.exp()) ** 2 + LOG_2PI) - log_sigma).sum(-1)


def log_standard(z):
    return (-0.5 * (z * z + LOG_2PI)).sum(-1)


def log_bernoulli(x, logits):
    return (x * logits - F.softplus(logits)).sum(-1)


def draw(mean, log_sigma):
    return mean + log_sigma.exp() * torch.randn_like(mean)


class Mlp(nn.Module):
    """784-500-500-64."""

    batch = 128

    def __init__(self):
        super().__init__()
        hidden, z = 500, 64
        self.trunk = nn.Sequential(nn.Linear(X, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.mean, self.scale = nn.Linear(hidden, z), nn.Linear(hidden, z)
        self.decoder = nn.Sequential(nn.Linear(z, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, X))

    def loss(self, x):
        h = self.trunk(x)
        mean, log_sigma = self.mean(h), LOG_SIGMA_MIN + F.softplus(self.scale(h) - LOG_SIGMA_MIN)
        z = draw(mean, log_sigma)
        return (log_normal(z, mean, log_sigma) - log_standard(z) - log_bernoulli(x, self.decoder(z))).mean()


class GatedDense(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.h, self.g = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.h(x) * torch.sigmoid(self.g(x))


class GatedConv2d(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, padding):
        super().__init__()
        self.h, self.g = (nn.Conv2d(inputs, outputs, kernel, stride, padding) for _ in range(2))

    def forward(self, x):
        return self.h(x) * torch.sigmoid(self.g(x))


class MaskedConv2d(nn.Conv2d):
    def __init__(self, seen, inputs, outputs):
        super().__init__(inputs, outputs, 3, 1, 1, bias=False)
        mask = torch.zeros(3, 3)
        mask.view(-1)[:seen] = 1
        self.register_buffer("mask", mask.expand_as(self.weight).clone())

    def forward(self, x):
        self.weight.data *= self.mask
        return super().forward(x)


class Normal(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.mean, self.log_var = nn.Linear(inputs, LEVEL), nn.Sequential(nn.Linear(inputs, LEVEL), nn.Hardtanh(-6, 2))

    def forward(self, h):
        return self.mean(h), self.log_var(h) * 0.5


class TwoLevels(nn.Module):
    batch = 100

    def __init__(self):
        super().__init__()

        def features(first, third):
            return nn.Sequential(
                GatedConv2d(1, 32, first, 1, first // 2), GatedConv2d(32, 32, 3, 2, 1), GatedConv2d(32, 64, third, 1, third // 2),
                GatedConv2d(64, 64, 3, 2, 1), GatedConv2d(64, 6, 3, 1, 1), nn.Flatten())

        self.z2_x, self.z2 = features(7, 5), Normal(294)
        self.z1_x, self.z1_z2, self.z1_joint, self.z1 = features(3, 3), GatedDense(LEVEL, 294), GatedDense(588, WIDTH), Normal(WIDTH)
        self.p_z1_trunk, self.p_z1 = nn.Sequential(GatedDense(LEVEL, WIDTH), GatedDense(WIDTH, WIDTH)), Normal(WIDTH)

    def loss(self, x):
        image = x.view(-1, 1, SIDE, SIDE)
        q2 = self.z2(self.z2_x(image))
        z2 = draw(*q2)
        q1 = self.z1(self.z1_joint(torch.cat([self.z1_x(image), self.z1_z2(z2)], 1)))
        z1 = draw(*q1)
        log_pz = log_normal(z1, *self.p_z1(self.p_z1_trunk(z2))) + log_standard(z2)
        return (log_normal(z1, *q1) + log_normal(z2, *q2) - log_pz - log_bernoulli(x, self.logits(image, z1, z2).flatten(1))).mean()


class ConvHvae(TwoLevels):
    """2,210,861 weights."""

    def __init__(self):
        super().__init__()
        self.x_z1, self.x_z2, self.x_joint = GatedDense(LEVEL, WIDTH), GatedDense(LEVEL, WIDTH), GatedDense(2 * WIDTH, X)
        self.x = nn.Sequential(GatedConv2d(1, 64, 3, 1, 1), *(GatedConv2d(64, 64, 3, 1, 1) for _ in range(3)), nn.Conv2d(64, 1, 1))

    def logits(self, image, z1, z2):
        return self.x(self.x_joint(torch.cat([self.x_z1(z1), self.x_z2(z2)], 1)).view(-1, 1, SIDE, SIDE))


class PixelHvae(TwoLevels):
    """1,385,821 weights, of which the mask lets fewer through."""

    def __init__(self):
        super().__init__()
        self.x_z1, self.x_z2 = GatedDense(LEVEL, X), GatedDense(LEVEL, X)
        layers = []
        for i in range(8):
            layers += [MaskedConv2d(4, 3, 64) if i == 0 else MaskedConv2d(5, 64, 64), nn.BatchNorm2d(64), nn.ReLU()]
        self.x = nn.Sequential(*layers, nn.Conv2d(64, 1, 1))

    def logits(self, image, z1, z2):
        maps = [map.view(-1, 1, SIDE, SIDE) for map in (self.x_z1(z1), self.x_z2(z2))]
        return self.x(torch.cat([image, *maps], 1))


NETWORKS = {"mlp": Mlp, "conv_hvae": ConvHvae, "pixel_hvae": PixelHvae}


def main():
    network, threads, mode, rows = sys.argv[1], int(sys.argv[2]), sys.argv[3].split("-"), int(sys.argv[4])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = NETWORKS[network]()
    if "channels_last" in mode:
        model = model.to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, foreach="foreach" in mode)
    data = torch.rand(rows, X)
    order, cursor = torch.randperm(rows), 0
    total = torch.zeros(())

    def step():
        nonlocal order, cursor, total
        if cursor + model.batch > rows:
            order, cursor = torch.randperm(rows), 0
        x = data.index_select(0, order[cursor:cursor + model.batch])
        cursor += model.batch
        adam.zero_grad(set_to_none=True)
        loss = model.loss(x)
        loss.backward()
        adam.step()
        total += loss.detach()

    for line in sys.stdin:
        begin = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - begin, flush=True)


main()
