# Driver of one hardware class; build_image.py ships one for each class that an
# image is made for, as /usr/lib/drivers/CLASS.sh.
driver_start() {
	echo "driver: pins of @HARDWARE@ are set up"
}
