"""The shims behave as the RP2 port's documented `machine`, `time` and `select`."""

import re
from pathlib import Path

from simulator import bus
from tests.unit.simulated import printed, terminal

SHIMS = Path(bus.__file__).parent / "shims"


def test_shims_use_the_op_codes_of_the_bus():
    numbers = {name: value for name, value in vars(bus).items() if isinstance(value, int) and name.isupper()}
    found = {}
    for path in SHIMS.glob("*.py"):
        for name, value in re.findall(r"^_?([A-Z0-9_]+) = const\((0x[0-9A-F]+)\)$", path.read_text(), re.M):
            found.setdefault(name, set()).add(int(value, 16))
    for prefix in ("PIN", "SPI", "I2C", "UART", "WDT"):
        names = {name for name in numbers if name.startswith(prefix)}
        assert {name: {numbers[name]} for name in names} == {name: found.get(name) for name in names}
    usb = {name[4:]: {value} for name, value in numbers.items() if name.startswith("USB_")}
    assert {name: found.get(name) for name in usb} == usb
    assert found["RESET"] == {bus.RESET} and found["IDLE"] == {bus.IDLE} and found["BOOT"] == {bus.BOOT}


def test_pin_is_one_object_with_levels_and_pulls(tmp_path):
    lines = printed(tmp_path, """
        from machine import Pin
        a = Pin(2, Pin.IN, Pin.PULL_UP)
        print(a is Pin(2), a is Pin("GP2"), a.value(), Pin(5, Pin.IN, Pin.PULL_DOWN)())
        out = Pin(4, Pin.OUT, value=1)
        print(out(), out.value(0), out(), out.toggle(), out(), out.off(), out(), out.high(), out())
        od = Pin(6, Pin.OPEN_DRAIN, Pin.PULL_UP)
        print(od(), od(0), od(), od(1), od())
        for wrong in (99, "GP99", 1.5):
            try:
                Pin(wrong)
            except ValueError as error:
                print(error)
        print(Pin(4))
    """)  # fmt: skip
    assert lines == [
        "True True 1 0",
        "1 None 0 None 1 None 0 None 1",
        "1 None 0 None 1",
        "invalid pin",
        'unknown named pin "GP99"',
        "invalid pin",
        "Pin(GPIO4, mode=OUT)",
    ]


def test_spi_checks_pins_and_is_capped_by_the_peripheral_clock(tmp_path):
    lines = printed(tmp_path, """
        import machine
        from machine import SPI, Pin
        print(SPI(1, 31_250_000, sck=Pin(10), mosi=Pin(11), miso=Pin(12)))
        machine.freq(125_000_000, 125_000_000)
        print(machine.freq(), SPI(1, 31_250_000, sck=10, mosi=11, miso=12))
        for kind in ("sck", "mosi", "miso"):
            try:
                SPI(1, **{kind: 2})
            except ValueError as error:
                print(error)
        try:
            SPI(2)
        except ValueError as error:
            print(error)
        try:
            SPI(0).write_readinto(b"12", bytearray(3))
        except ValueError as error:
            print(error)
        print(SPI(0).read(3), SPI(0).read(2, 0x55))
        try:
            machine.freq(125_000_000, 1)
        except ValueError as error:
            print(error)
    """)  # fmt: skip
    assert lines == [
        "SPI(1, baudrate=24000000, polarity=0, phase=0, bits=8, sck=10, mosi=11, miso=12)",
        "125000000 SPI(1, baudrate=31250000, polarity=0, phase=0, bits=8, sck=10, mosi=11, miso=12)",
        "bad SCK pin",
        "bad MOSI pin",
        "bad MISO pin",
        "SPI(2) doesn't exist",
        "buffers must be the same length",
        "b'\\xff\\xff\\xff' b'\\xff\\xff'",
        "peripheral freq must be 48_000_000 or the same as the MCU freq",
    ]


def test_spi_reaches_the_chip_whose_select_is_low(tmp_path):
    lines = printed(tmp_path, """
        from machine import SPI, Pin
        spi, cs = SPI(1, 10_000_000, sck=Pin(10), mosi=Pin(11), miso=Pin(12)), Pin(13, Pin.OUT, value=1)
        got = bytearray(4)
        spi.write_readinto(b"\\x9f\\0\\0\\0", got)
        print(got)
        cs(0)
        spi.write_readinto(b"\\x9f\\0\\0\\0", got)
        cs(1)
        print(got)
    """)  # fmt: skip
    assert lines == [r"bytearray(b'\xff\xff\xff\xff')", r"bytearray(b'\xff\xef@\x16')"]


def test_i2c_scans_reads_registers_and_reports_no_answer(tmp_path):
    lines = printed(tmp_path, """
        from machine import I2C, Pin
        bus = I2C(1, sda=Pin(26), scl=Pin(27), freq=400_000)
        print([hex(n) for n in bus.scan()], bus)
        print(bus.readfrom_mem(0x68, 4, 3), bus.writeto(0x68, b"\\x00"), len(bus.readfrom(0x68, 2)))
        try:
            bus.readfrom(0x10, 1)
        except OSError as error:
            print(error.args)
        try:
            I2C(1, sda=Pin(4), scl=Pin(27))
        except ValueError as error:
            print(error)
    """)  # fmt: skip
    assert lines == [
        "['0x68'] I2C(1, freq=400000, scl=27, sda=26, timeout=50000)",
        "b'\\x01\\x01&' 1 2",
        "(5,)",
        "bad SDA pin",
    ]


def test_transfers_take_their_time_on_the_bus(tmp_path):
    lines = printed(tmp_path, """
        import time
        from machine import I2C, SPI, Pin
        spi, bus = SPI(0, 1_000_000), I2C(1, sda=26, scl=27, freq=100_000)
        start = time.ticks_us()
        spi.write(bytes(1000))
        middle = time.ticks_us()
        bus.readfrom(0x68, 9)
        print(time.ticks_diff(middle, start) // 100, time.ticks_diff(time.ticks_us(), middle) // 100)
    """)  # fmt: skip
    assert lines == ["80 9"]


def test_time_counts_from_the_start_and_wraps_at_2_to_the_30(tmp_path):
    lines = printed(tmp_path, """
        import time
        print(time.ticks_ms(), time.ticks_add(2**30 - 1, 2), time.ticks_diff(3, 2**30 - 2), time.ticks_diff(0, 2**29))
        try:
            time.ticks_add(0, 2**29)
        except OverflowError as error:
            print(error)
        time.sleep_ms(7)
        time.sleep_us(500)
        time.sleep(0.001)
        print(time.ticks_ms())
        print(time.gmtime(86_400 * 365), time.mktime((2026, 2, 28, 23, 59, 59, 0, 0)), time.gmtime()[:3])
        print(time.gmtime(time.mktime((2024, 2, 29, 1, 2, 3, 0, 0)))[:6])
    """)  # fmt: skip
    assert lines == [
        "0 1 5 -536870912",
        "ticks interval overflow",
        "8",
        "(1971, 1, 1, 0, 0, 0, 4, 1) 1772323199 (2021, 1, 1)",
        "(2024, 2, 29, 1, 2, 3)",
    ]


def test_watchdog_pwm_rtc_and_identity_follow_the_port(tmp_path):
    lines = printed(tmp_path, """
        import machine
        from machine import PWM, RTC, WDT, Pin
        for wrong in (lambda: WDT(1), lambda: WDT(timeout=8389), lambda: PWM(Pin(15), freq=1), lambda: RTC(1)):
            try:
                wrong()
            except ValueError as error:
                print(error)
        pwm = PWM(Pin(15), freq=2000, duty_u16=32768)
        print(pwm.freq(), pwm.duty_u16(), pwm.duty_ns() // 1000)
        pwm.duty_u16(0)
        pwm.deinit()
        clock = RTC()
        clock.datetime((2026, 3, 1, 0, 12, 34, 56, 0))
        print(clock.datetime(), len(machine.unique_id()), machine.reset_cause() == machine.PWRON_RESET)
    """)  # fmt: skip
    assert lines == [
        "WDT(1) doesn't exist",
        "timeout exceeds 8388",
        "freq too small",
        "RTC(1) doesn't exist",
        "2000 32768 250",
        "(2026, 3, 1, 6, 12, 34, 56, 0) 8 True",
    ]


def test_poll_asks_objects_through_ioctl_and_times_out(tmp_path):
    lines = printed(tmp_path, """
        import io, select, time
        class Stream(io.IOBase):
            ready = 0
            def ioctl(self, request, arg):
                return arg & self.ready if request == 3 else -1
        one, two = Stream(), Stream()
        poller = select.poll()
        poller.register(one, select.POLLIN)
        poller.register(two)
        start = time.ticks_ms()
        print(poller.poll(50), time.ticks_diff(time.ticks_ms(), start))
        two.ready = 4
        print([(obj is two, event) for obj, event in poller.ipoll(0)])
        poller.modify(two, select.POLLIN)
        print(poller.poll(0))
        one.ready = 1
        print([(obj is one, event) for obj, event in poller.poll(-1)])
        poller.unregister(one)
        try:
            poller.modify(one, 1)
        except OSError as error:
            print(error.args)
        print([len(part) for part in select.select([one], [two], [], 0)])
    """)  # fmt: skip
    assert lines == ["[] 50", "[(True, 4)]", "[]", "[(True, 1)]", "(2,)", "[1, 1, 0]"]


def test_uart_waits_for_its_line_and_times_out(tmp_path):
    lines = printed(tmp_path, """
        import time
        from machine import UART, Pin
        port = UART(1, 9600, tx=Pin(20), rx=Pin(21), timeout=20)
        start = time.ticks_ms()
        print(port.read(1), time.ticks_diff(time.ticks_ms(), start), port.any())
        print(port.write(b"x" * 96), port.txdone())
        start = time.ticks_ms()
        port.flush()
        print(time.ticks_diff(time.ticks_ms(), start), port.txdone())
        try:
            UART(1, tx=Pin(0))
        except ValueError as error:
            print(error)
    """, ms=400)  # fmt: skip
    assert lines == ["None 20 0", "96 False", "99 True", "bad TX pin"]


def test_usb_device_refuses_what_the_port_refuses(tmp_path):
    lines = printed(tmp_path, """
        import machine
        usb = machine.USBDevice()
        print(usb is machine.USBDevice(), usb.builtin_driver is usb.BUILTIN_NONE, usb.active())
        def attempt(call):
            try:
                return call()
            except (OSError, ValueError) as error:
                return error.args[0]
        print(attempt(lambda: usb.active(True)), attempt(lambda: usb.submit_xfer(0x81, b"x")))
        print(attempt(lambda: usb.config(1, b"")), attempt(lambda: usb.config(b"", b"", 1)))
        usb.builtin_driver = usb.BUILTIN_DEFAULT
        print(usb.active(True), usb.active(), usb.builtin_driver.itf_max, usb.builtin_driver.ep_max)
        print(attempt(lambda: usb.submit_xfer(0, b"x")), usb.submit_xfer(0x83, b"x"))
        try:
            usb.builtin_driver = usb.BUILTIN_NONE
        except OSError as error:
            print(error.args[0])
    """)  # fmt: skip
    assert lines == ["True True False", "22 22", "desc_dev desc_strs", "False True 2 3", "ep False", "22"]


def test_hard_interrupt_may_not_allocate_and_a_soft_one_may(tmp_path):
    main = """
        import time
        from machine import Pin
        def hard(pin):
            [0] * 50
        def soft(pin):
            print("soft", len([0] * 50), pin.irq().flags())
        Pin(2, Pin.IN, Pin.PULL_UP).irq(hard, Pin.IRQ_FALLING, hard=True)
        Pin(3, Pin.IN, Pin.PULL_UP).irq(soft, Pin.IRQ_RISING)
        time.sleep_ms(200)
    """
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(50)
        for pin in (2, 3):
            simulated.engine.soc.gpio.drive(pin, 0, simulated.now_us)
        simulated.run_for(50)
        simulated.engine.soc.gpio.drive(3, None, simulated.now_us)
        simulated.run_for(50)
        text = simulated.console()
    assert "MemoryError" in text and text.count("Uncaught exception in IRQ") == 1
    assert text.splitlines()[-1] == "soft 50 8"


def test_masked_interrupts_wait(tmp_path):
    main = """
        import machine, time
        from machine import Pin
        seen = []
        Pin(2, Pin.IN, Pin.PULL_UP).irq(lambda pin: seen.append(time.ticks_ms()), Pin.IRQ_FALLING)
        state = machine.disable_irq()
        time.sleep_ms(100)
        print(len(seen))
        machine.enable_irq(state)
        print(len(seen))
    """
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(50)
        simulated.engine.soc.gpio.drive(2, 0, simulated.now_us)
        simulated.run_for(100)
        assert simulated.console().splitlines() == ["0", "1"]
