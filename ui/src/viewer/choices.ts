/** How a person wants sessions shown; remembered for the next one. */

import { keptStore } from '../app/store'
import type { Fit } from './screen'

export type Quality = 'best' | 'balanced' | 'slow'

export interface Choices {
  fit: Fit
  sharp: boolean
  quality: Quality
}

/** A phone shows a desktop whole; it should not make everybody's desktop as small as itself. */
const phone = matchMedia('(pointer: coarse)').matches

const initial: Choices = { fit: phone ? 'fit' : 'match', sharp: false, quality: 'balanced' }

export const choices = keptStore<Choices>('viewer', initial)
choices.set((kept) => ({ ...initial, ...kept }))

/** JPEG quality and compression effort, 0 to 9 each, as RFB's pseudo-encodings number them. */
export const LEVELS: Record<Quality, { qualityLevel: number; compressionLevel: number }> = {
  best: { qualityLevel: 9, compressionLevel: 1 },
  balanced: { qualityLevel: 7, compressionLevel: 2 },
  slow: { qualityLevel: 3, compressionLevel: 7 },
}
