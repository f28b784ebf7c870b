//! Buffers used again and again: fresh pages from the operating system cost more than the small
//! operations that fill them.

/// Buffers waiting to be used.
#[derive(Debug)]
pub(super) struct Workspace<T> {
    free: Vec<Vec<T>>,
}

impl<T> Default for Workspace<T> {
    fn default() -> Self {
        Self { free: Vec::new() }
    }
}

impl<T: Copy + Default> Workspace<T> {
    /// A buffer of that length. Its contents are leftovers: the caller overwrites all of it.
    pub(super) fn take(&mut self, length: usize) -> Vec<T> {
        let fits = self.free.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= length);
        let smallest = fits.min_by_key(|(_, buffer)| buffer.capacity()).map(|(index, _)| index);
        let mut buffer = smallest.map_or_else(Vec::new, |index| self.free.swap_remove(index));
        buffer.resize(length, T::default());
        buffer
    }

    /// A buffer of zeros.
    pub(super) fn take_zeroed(&mut self, length: usize) -> Vec<T> {
        let mut buffer = self.take(length);
        buffer.fill(T::default());
        buffer
    }

    /// Gives a buffer back.
    pub(super) fn give(&mut self, buffer: Vec<T>) {
        if buffer.capacity() > 0 {
            self.free.push(buffer);
        }
    }
}
