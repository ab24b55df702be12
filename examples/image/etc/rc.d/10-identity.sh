#!/bin/sh
# What this device is, for whoever reads the console.
cat /etc/pawl-release
