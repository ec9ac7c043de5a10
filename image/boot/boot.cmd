# U-Boot's script, the same for the Raspberry Pi and QEMU's virt: which slot is started, counted before it is. RAUC writes
# the same variables by fw_setenv: BOOT_ORDER, and for each slot the starts that it has left. They lie in one sector in
# front of the first partition, so that they are written whole or not at all.
setenv sector 0x7f8
setenv base 0x0
if test ${kernel_addr_r} -ge 0x40000000; then setenv base 0x40000000; fi
# The kernel unpacks to more than U-Boot's own addresses leave room for.
setexpr at_variables ${base} + 0x01f00000
setexpr at_kernel ${base} + 0x02000000
setexpr kernel_comp_addr_r ${base} + 0x08000000
setenv kernel_comp_size 0x6000000
setexpr at_ramdisk ${base} + 0x10000000
if test -n "${fdt_addr}"; then setenv at_tree ${fdt_addr}; else setenv at_tree ${fdtcontroladdr}; fi

${devtype} dev ${devnum}
setenv BOOT_ORDER
${devtype} read ${at_variables} ${sector} 1 && env import -c ${at_variables} 0x200 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT
# As the card was flashed, or the sector cannot be read.
if test -z "${BOOT_ORDER}"; then setenv BOOT_ORDER "A B"; setenv BOOT_A_LEFT 3; setenv BOOT_B_LEFT 0; fi

setenv part
for slot in ${BOOT_ORDER}; do
  if test -n "${part}"; then echo "then ${slot}"; else
    setenv left 0
    if test "${slot}" = "A"; then setenv left ${BOOT_A_LEFT}; fi
    if test "${slot}" = "B"; then setenv left ${BOOT_B_LEFT}; fi
    if test 0x${left} -gt 0; then
      setexpr left ${left} - 1
      if test "${slot}" = "A"; then setenv BOOT_A_LEFT ${left}; setenv part 2; fi
      if test "${slot}" = "B"; then setenv BOOT_B_LEFT ${left}; setenv part 3; fi
      setenv chosen ${slot}
    fi
  fi
done

if test -z "${part}"; then
  # None is left: all from the beginning, rather than a box that waits for ever.
  echo "no slot is left: trying all again"
  setenv BOOT_A_LEFT 3
  setenv BOOT_B_LEFT 3
fi
env export -c -s 0x200 ${at_variables} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT
${devtype} write ${at_variables} ${sector} 1
if test -z "${part}"; then sleep 3; reset; fi

echo "slot ${chosen}, ${left} starts left"
setenv bootargs "root=PARTUUID=50524348-0${part} rauc.slot=${chosen} ro panic=10 net.ifnames=0 loglevel=4"
load ${devtype} ${devnum}:${part} ${at_kernel} /boot/vmlinuz && load ${devtype} ${devnum}:${part} ${at_ramdisk} /boot/initrd.img && booti ${at_kernel} ${at_ramdisk}:${filesize} ${at_tree}
# What cannot be started has used up one of its starts.
echo "slot ${chosen} cannot be started"
sleep 3
reset
