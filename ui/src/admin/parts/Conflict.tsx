/** Somebody else saved first: theirs, mine, and what differs. */

import type { Kept } from '../../api/administered'
import { Dialog } from '../../parts/Dialog'
import { t } from '../../strings/t'
import { Diff } from './Diff'
import { asText } from './diff'

interface ConflictProps<D extends Kept> {
  theirs: D
  mine: D
  takeTheirs: () => void
  saveMine: () => void
  onClose: () => void
}

export function Conflict<D extends Kept>({ theirs, mine, takeTheirs, saveMine, onClose }: ConflictProps<D>) {
  return (
    <Dialog
      title={t('conflict.title')}
      onClose={onClose}
      wide
      footer={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t('conflict.goOn')}
          </button>
          <button type="button" className="button" onClick={takeTheirs}>
            {t('conflict.theirs')}
          </button>
          <button type="button" className="button primary" onClick={saveMine}>
            {t('conflict.mine')}
          </button>
        </>
      }
    >
      <div className="stack">
        <p>{t('conflict.text')}</p>
        <Diff before={asText(theirs)} after={asText(mine)} label={t('conflict.differences')} />
      </div>
    </Dialog>
  )
}
