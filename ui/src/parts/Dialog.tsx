/** A modal dialog: the browser's own, which holds the focus inside, closes on Escape and gives the focus back. */

import { type ReactNode, useEffect, useId, useRef } from 'react'

import { t } from '../strings/t'
import { Icon } from './Icon'

interface DialogProps {
  title: string
  onClose: () => void
  children: ReactNode
  footer?: ReactNode
  wide?: boolean
  /** Also closes on a click beside it: for what loses nothing. */
  light?: boolean
}

export function Dialog({ title, onClose, children, footer, wide, light }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useEffect(() => {
    const dialog = element.current!
    const before = document.activeElement
    if (!dialog.open) dialog.showModal()
    // what asks for the focus got it before the dialog was open, which is not at all
    dialog.querySelector<HTMLElement>('[data-first]')?.focus()
    return () => {
      dialog.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={element}
      className={wide ? 'dialog wide' : 'dialog'}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => {
        if (light && event.target === element.current) onClose()
      }}
    >
      <div className="dialog-in">
        <header className="dialog-head">
          <h2 id={heading}>{title}</h2>
          <button type="button" className="plain round" aria-label={t('do.close')} onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        <div className="dialog-body">{children}</div>
        {footer && <footer className="dialog-foot">{footer}</footer>}
      </div>
    </dialog>
  )
}
