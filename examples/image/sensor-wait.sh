#!/bin/sh
# Waits until the sensor answers. It has no deadline: that is the mistake that
# `--fault hang` ships, and what a watchdog is for.
until [ -e /dev/sensor0 ]; do
	sleep 1
done
