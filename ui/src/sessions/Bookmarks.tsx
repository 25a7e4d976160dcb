/** Bookmarks as tiles: a start that administrators prepared, one click or Enter away. */

import { useQuery } from '@tanstack/react-query'

import { type Bookmark, ownBookmarks } from '../api/administered'
import { go } from '../app/router'
import { Icon } from '../parts/Icon'
import { t } from '../strings/t'
import { answersOf, guessKeyboard } from './defaults'
import { isOffered, largestOf } from './profiles'
import { windowGeometry } from './shape'
import { begin } from './starts'

export const useBookmarks = () => useQuery({ queryKey: ['bookmarks'], queryFn: ownBookmarks, staleTime: 60_000 })

export function startBookmark(bookmark: Bookmark): void {
  const answers = answersOf()
  const asks = bookmark.forms.length > 0
  const profile = bookmark.profile || 'default'
  const wanted = {
    command: '',
    bookmarkId: bookmark.id,
    name: bookmark.name,
    keyboardLayout: bookmark.keyboardLayout || answers.keyboard || guessKeyboard(navigator.languages),
    // else the profile's own size: how large it may be is known to the server alone
    ...(!bookmark.geometry && isOffered(profile) && { geometry: windowGeometry(largestOf(profile)) }),
  }
  const id = begin(wanted, answers.open)
  if (answers.open && !asks) go(`session/${id}`)
}

export function BookmarkTiles() {
  const found = useBookmarks().data ?? []
  if (found.length === 0) return null
  return (
    <ul className="tiles" aria-label={t('bookmarks.title')}>
      {found.map((bookmark) => (
        <li key={bookmark.id}>
          <button
            type="button"
            className="tile"
            aria-label={t('bookmarks.start', { name: bookmark.name })}
            {...(bookmark.description && { title: bookmark.description })}
            onClick={() => startBookmark(bookmark)}
          >
            <BookmarkIcon icon={bookmark.icon} />
            <span>{bookmark.name}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}

/** Only what the server lets in as an icon is shown as one. */
export function BookmarkIcon({ icon }: { icon: string }) {
  return /^data:image\/(png|webp);base64,/.test(icon) ? (
    <img className="tile-icon" src={icon} alt="" width="40" height="40" />
  ) : (
    <span className="tile-icon">
      <Icon name="bookmark" />
    </span>
  )
}
