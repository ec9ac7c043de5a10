/** Where `porchlight home` keeps everything when it is not told otherwise. */
export const homeFolder = '.porchlight';

/** In there: the settings of its box. */
export const homeBoxFile = 'box.toml';
