/** Where everything lies on the card, in MiB. The first MiB holds the table, the boot loader and its variables. */
export const layout = {
  bootStart: 1,
  bootSize: 127,
  slotSize: 512,
  dataSize: 64,
} as const;

const mib = 2 ** 20;
export const sectorsPerMib = mib / 512;

/** Names the partitions in every image: PARTUUID is this and the partition's number. */
export const diskId = '50524348';

/** U-Boot's variables: one sector, at this offset (`fw_env.config`). */
export const variablesOffset = 0xff000;

export const partitions = (() => {
  const a = layout.bootStart + layout.bootSize;
  const b = a + layout.slotSize;
  const data = b + layout.slotSize;
  return [
    { number: 1, start: layout.bootStart, size: layout.bootSize },
    { number: 2, start: a, size: layout.slotSize },
    { number: 3, start: b, size: layout.slotSize },
    { number: 4, start: data, size: layout.dataSize },
  ] as const;
})();

/** Of the raw image, bytes. */
export const imageSize = (layout.bootStart + layout.bootSize + 2 * layout.slotSize + layout.dataSize) * mib;
