/** A picture from this computer as an icon: small, square, PNG, as a data: address. */

const SIDE = 96
/** The server takes no longer ones. */
export const LONGEST = 65_536

export async function iconOf(file: Blob): Promise<string> {
  const picture = await createImageBitmap(file)
  for (const side of [SIDE, 64, 32]) {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = side
    const scale = Math.min(side / picture.width, side / picture.height)
    const [width, height] = [picture.width * scale, picture.height * scale]
    canvas.getContext('2d')!.drawImage(picture, (side - width) / 2, (side - height) / 2, width, height)
    const address = canvas.toDataURL('image/png')
    if (address.length <= LONGEST) return address
  }
  throw new Error('too large')
}
