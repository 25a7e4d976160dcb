/** A script's source to read, and to copy to make one's own of it. */

import { type Chain, type Policy } from '../../api/administered'
import { go } from '../../app/router'
import { Dialog } from '../../parts/Dialog'
import { t } from '../../strings/t'
import { Code } from '../code/Code'
import { draftKeyOf } from '../functions/FunctionEditor'
import { blank, useKinds } from '../functions/kinds'
import { setDraft } from '../parts/drafts'

export function Script({ policy, chain, onClose }: { policy: Policy; chain: Chain['id']; onClose: () => void }) {
  const kind = useKinds().data?.kinds.find((one) => one.name === `${chain}-balance`)
  const own = policy.name.startsWith('function:')
  const copy = () => {
    if (!kind) return
    setDraft(draftKeyOf(kind.name), { ...blank(kind), name: t('start.copyName', { name: policy.title }), source: policy.source, description: policy.help }, 0)
    onClose()
    go(`system/session-start/scripts/new-${kind.name}`)
  }
  return (
    <Dialog
      title={policy.title}
      onClose={onClose}
      wide
      light
      footer={
        <>
          {own && (
            <button type="button" className="button" onClick={() => go(`system/session-start/scripts/${encodeURIComponent(policy.name.slice('function:'.length))}`)}>
              {t('start.edit')}
            </button>
          )}
          <button type="button" className="button primary" onClick={copy}>
            {t('start.copy')}
          </button>
        </>
      }
    >
      <div className="stack">
        {policy.help && <p className="quiet">{policy.help}</p>}
        <Code label={t('start.sourceOf', { name: policy.title })} language="javascript" value={policy.source} readOnly />
      </div>
    </Dialog>
  )
}
